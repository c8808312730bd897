// Package sandbox is a YouTube that runs on this machine: an [http.Handler]
// that speaks the wire of Google's OAuth server and of the YouTube Data API v3,
// for newcomers who have no channel and for tests that need one that misbehaves.
// It is written from Google's documents, never from the portal's own client, so
// that a mistake of the client is not repeated here. It must never know about
// testimonies, the database or any other room of the portal.
//
// # What it serves
//
//   - GET and POST /o/oauth2/v2/auth, POST /token, POST /revoke: the
//     authorization code flow with PKCE. Any client id and secret are accepted,
//     but the same ones must be used for the whole life of a grant.
//   - POST /upload/youtube/v3/videos?uploadType=resumable and PUT (or POST) on
//     the session address that it answers. The other kinds of video upload,
//     media and multipart, cannot be resumed and are refused.
//   - videos.list, update, delete and batchGetStats; channels.list;
//     videoCategories.list; playlists; playlistItems; captions; thumbnails.set
//     (the last two with uploadType media or multipart).
//
// Only the connected channel's own videos exist. Of the other channel, to which a
// token can be made to lead, there is only channels.list; all else is forbidden. API keys are not accepted. Of
// the parameters, fields is ignored (answers are whole) and videos.list knows
// the filter id only. A request that is refused after it was let in costs its
// full price, where Google says only "at least one unit".
//
// # State
//
// Everything is under Options.Dir and survives a restart, also after a kill:
//
//	oauth.json           grants, codes and tokens (as hashes)
//	usage.json           quota spent in the Pacific day, calls by method
//	lists.json           playlists, their items, captions
//	sessions/ID.json     what an upload session was promised
//	sessions/ID.part     the bytes received so far; its size is the offset
//	videos/ID.json       a video
//	videos/ID            its bytes
//	thumbnails/ID, captions/ID
//
// What a client was told is written to a temporary file, synced and renamed
// before the answer. The bytes of a video are synced and hashed after the final
// answer; the video is not processed before that is done.
//
// # Watching it and breaking it
//
// GET /sandbox/state answers what it holds as JSON (see [State]).
// POST /sandbox/faults takes one [Fault] as JSON, or an array of them, and
// switches them on; GET lists those still pending, DELETE forgets them. Tests in
// the same process use [Sandbox.Faults]. Faults are not kept over a restart.
//
//	{"fault": "cutChunk", "after": 300000, "store": 100000}
//	{"fault": "unavailable", "method": "videos.list", "times": 3, "retryAfter": 2}
//	{"fault": "refuse", "method": "captions.insert", "status": 409, "reason": "captionExists", "domain": "youtube.caption"}
//	{"fault": "studioEdit", "ids": ["dQw4w9WgXcQ"], "edit": {"title": "Un altro titolo", "privacy": "unlisted"}}
//
// POST /sandbox/seed takes one [SeedVideo], or an array of them, for a channel
// that had videos before.
package sandbox
