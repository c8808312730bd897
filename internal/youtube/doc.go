// Package youtube speaks to YouTube: the consent of one channel, resumable
// uploads, what became of a video, its statistics and its metadata.
//
// It knows nothing of testimonies, of the database or of pages. What must
// outlive a crash is handed to the caller to be committed (see Session and
// Client.Upload), and what a request costs is told to the caller's ledger (see
// WithQuota).
//
// Uploads are our own code on the documented protocol
// (https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol),
// because Google's client library can neither go on with a session after a
// restart nor ask one what it has received. Everything else goes through the
// library, except reading statistics, where it cannot tell "zero" from "not
// said".
//
// The address of an upload session and the tokens are secrets: no error of this
// package contains them.
package youtube
