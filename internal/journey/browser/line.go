package browser

import "github.com/chromedp/cdproto/network"

// Line makes the tab's line to the portal as slow as this, in bytes a second
// upwards; 0 makes it fast again, and brings a line that was cut back.
func (tab *Tab) Line(bytesPerSecond float64) {
	tab.t.Helper()
	tab.line(network.Conditions{UploadThroughput: bytesPerSecond})
}

// Cut cuts the tab's line. What was on its way is lost.
func (tab *Tab) Cut() {
	tab.t.Helper()
	tab.line(network.Conditions{Offline: true})
}

func (tab *Tab) line(c network.Conditions) {
	tab.t.Helper()
	if c.UploadThroughput == 0 {
		c.UploadThroughput = -1
	}
	c.DownloadThroughput = -1
	call(tab, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&c}})
	call(tab, network.OverrideNetworkState, network.OverrideNetworkStateParams{
		Offline: c.Offline, DownloadThroughput: c.DownloadThroughput, UploadThroughput: c.UploadThroughput,
	})
}
