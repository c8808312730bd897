package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// TestAStoppedChannelIsToldToEachAdministratorOnce has Google take the
// permission back, notice it more than once, and again after it was mended.
func TestAStoppedChannelIsToldToEachAdministratorOnce(t *testing.T) {
	box, err := sandbox.New(sandbox.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	google := httptest.NewServer(box)
	t.Cleanup(func() {
		google.Close()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	s := settings(t)
	s.YouTube, s.YouTubeEndpoint = config.YouTubeLive, google.URL
	s.GoogleAuthURL, s.GoogleTokenURL, s.GoogleRevokeURL = google.URL+"/o/oauth2/v2/auth", google.URL+"/token", google.URL+"/revoke"
	s.GoogleClientID, s.GoogleClientSecret = "portal", "secret"
	s.UploadsPerDay, s.StatisticsPerDay, s.UnitsPerDay = 100, 10_000, 10_000
	a := open(t, s)
	for email, role := range map[string]account.Role{
		"prima@ente.example": account.Administrator, "seconda@ente.example": account.Administrator, "redazione@ente.example": account.Moderator,
	} {
		if _, err := a.Accounts.StaffLink(t.Context(), "test", email, role); err != nil {
			t.Fatal(err)
		}
	}
	stop := func() {
		t.Helper()
		if err := a.Channels.ConnectSandbox(t.Context(), box.IssueToken()); err != nil {
			t.Fatal(err)
		}
		if err := box.Faults().Add(sandbox.Fault{Name: sandbox.WrongChannel, Times: 3}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := a.Channels.Check(t.Context()); err == nil {
				t.Fatal("the channel still works")
			}
		}
	}
	stop()
	told(t, a, map[string]int{"prima@ente.example": 1, "seconda@ente.example": 1})
	stop() // connected again, and it stops again
	told(t, a, map[string]int{"prima@ente.example": 2, "seconda@ente.example": 2})
}

// told compares who was written to about the channel, and how often.
func told(t *testing.T, a *app.App, want map[string]int) {
	t.Helper()
	list, err := a.Outbox.Recent(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, m := range list {
		got[m.Recipient]++
		if !strings.Contains(m.Text, "Ricollega il canale giusto.") || !strings.Contains(m.Text, a.Settings.BaseURL+"/redazione/youtube") {
			t.Errorf("the mail does not say what helps, and where: %q", m.Text)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("mails (-want +got):\n%s", d)
	}
}
