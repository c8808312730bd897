package browser

import "github.com/chromedp/cdproto/network"

// Offline tells the browser's pages that there is no line, or that there is one
// again, as the operating system would. It cuts nothing: cutting is the work of
// whoever holds the line.
func (tab *Tab) Offline(is bool) {
	tab.t.Helper()
	call(tab, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: is, DownloadThroughput: -1, UploadThroughput: -1})
}
