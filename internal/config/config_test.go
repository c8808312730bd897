package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/voci-in-comune/voci/internal/config"
)

func read(t *testing.T, args ...string) (config.Settings, error) {
	t.Helper()
	var s config.Settings
	p, err := kong.New(&s, kong.Configuration(config.File), kong.Exit(func(int) { t.Fatal("exit") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(args); err != nil {
		return s, err
	}
	return s, s.Complete()
}

func TestWithoutAnySettingThePortalRunsOnThisMachine(t *testing.T) {
	s, err := read(t)
	if err != nil {
		t.Fatal(err)
	}
	if s.BaseURL != "http://localhost:8080" || s.YouTube != config.YouTubeSandbox || s.Secure() {
		t.Errorf("got base %q, channel %q", s.BaseURL, s.YouTube)
	}
}

func TestAMisspeltSettingInTheFileStopsTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "voci.json")
	if err := os.WriteFile(file, []byte(`{"base_urll": "https://file.example.it"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, "--config", file); err == nil || !strings.Contains(err.Error(), `VOCI_CONFIG: the file sets "base_urll"`) {
		t.Errorf("err = %v", err)
	}
}

func TestFlagsOverruleEnvironmentOverrulesFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "voci.json")
	if err := os.WriteFile(file, []byte(`{"base_url": "https://file.example.it", "territory": "current", "listen": "127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VOCI_BASE_URL", "https://environment.example.it")
	t.Setenv("VOCI_LISTEN", "127.0.0.1:2")
	s, err := read(t, "--config", file, "--listen", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	if s.BaseURL != "https://environment.example.it" || s.Territory != "current" || s.Listen != "127.0.0.1:3" {
		t.Errorf("got base %q, territory %q, listen %q", s.BaseURL, s.Territory, s.Listen)
	}
}

func TestOnlyThisMachineIsABelievedProxyUntilOthersAreNamed(t *testing.T) {
	for typed, want := range map[string]string{
		"":                               "[127.0.0.0/8 ::1/128]",
		"10.0.0.0/8, 192.0.2.7,fd00::/8": "[10.0.0.0/8 192.0.2.7/32 fd00::/8]",
	} {
		var args []string
		if typed != "" {
			args = []string{"--trusted-proxies", typed}
		}
		s, err := read(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Proxies()); got != want {
			t.Errorf("%q: %s, want %s", typed, got, want)
		}
	}
	t.Setenv("VOCI_TRUSTED_PROXIES", "172.17.0.1")
	if s, err := read(t); err != nil || fmt.Sprint(s.Proxies()) != "[172.17.0.1/32]" {
		t.Errorf("from the environment: %v, %v", s.Proxies(), err)
	}
}

func TestAWrongSettingIsNamed(t *testing.T) {
	for name, args := range map[string][]string{
		"VOCI_LISTEN":             {"--listen", "everywhere"},
		"VOCI_BASE_URL":           {"--base-url", "https://voci.example.it/portal"},
		"VOCI_TRUSTED_PROXIES":    {"--trusted-proxies", "127.0.0.1,nginx"},
		"VOCI_SECRET_KEY":         {"--secret-key", "short"},
		"VOCI_GOOGLE_CLIENT_ID":   {"--youtube", "live"},
		"VOCI_YOUTUBE_ENDPOINT":   {"--youtube-endpoint", "http://127.0.0.1:8099/prefix"},
		"VOCI_SMTP_URL":           {"--smtp-url", "http://mail.example.it"},
		"VOCI_MAX_UPLOAD_BYTES":   {"--max-upload-bytes", "0"},
		"VOCI_SYNC_EVERY":         {"--sync-every=-1h"},
		"VOCI_TRANSCRIBE_COMMAND": {"--transcribe-command", "hear | write"},
		"VOCI_TRANSCRIBE_MEMORY":  {"--transcribe-memory", "0"},
		"VOCI_QUOTA_KEPT":         {"--units-kept", "10000"},
		"--territory":             {"--territory", "kingdom"},
		"--env":                   {"--env", "staging"},
	} {
		if _, err := read(t, args...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: got %v, want an error that names %s", args, err, name)
		}
	}
}

func TestProductionAsksForWhatItNeeds(t *testing.T) {
	_, err := read(t, "--env", "production", "--base-url", "http://voci.example.it")
	for _, name := range []string{"VOCI_BASE_URL", "VOCI_SECRET_KEY", "VOCI_SMTP_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error that names %s", err, name)
		}
	}
}

func TestAPasswordIsNotRepeated(t *testing.T) {
	_, err := read(t, "--smtp-url", "ftp://me:hunter2@mail.example.it")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
