package youtube

import (
	"fmt"
	"log/slog"
	"time"
)

// Session is an upload in progress, as YouTube knows it. The caller commits it
// whenever Client.Upload says so, and hands it back to go on after a crash.
//
// URI lets whoever has it write to the upload: store it encrypted. It is left
// out of every printed form and of JSON, so that it cannot slip into a log.
type Session struct {
	URI          string `json:"-"`
	Total        int64  // size of the file
	LastByteSent bool   // the last byte may have left: the video may exist
	StartedAt    time.Time
}

// String is the session without its address.
func (s Session) String() string {
	if s.URI == "" {
		return "no session"
	}
	return fmt.Sprintf("session of %d bytes since %s, last byte sent: %t",
		s.Total, s.StartedAt.UTC().Format(time.RFC3339), s.LastByteSent)
}

// GoString is String: %#v must not print the address either.
func (s Session) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }
