package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// obj is a JSON object under construction.
type obj = map[string]any

// method is one call of the API: who may make it and what it costs.
type method struct {
	name   string   // as the reference calls it, such as videos.list
	scopes []string // any one of them suffices
	bucket string   // of the quota
	cost   int
	handle func(*call) error
}

// call is one request on its way through a method.
type call struct {
	w http.ResponseWriter
	r *http.Request
	q url.Values
	m *method

	other bool // the token is of the other channel
}

// routes is the table of contents. Costs are those of
// https://developers.google.com/youtube/v3/determine_quota_cost, the scopes
// those that the API's discovery document lists for each method.
func (s *Sandbox) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /o/oauth2/v2/auth", s.askConsent)
	s.mux.HandleFunc("POST /o/oauth2/v2/auth", s.decideConsent)
	s.mux.HandleFunc("POST /token", s.serveToken)
	s.mux.HandleFunc("POST /revoke", s.serveRevoke)
	s.mux.HandleFunc("GET /sandbox/state", guarded(s.serveState))
	s.mux.HandleFunc("GET /sandbox/thumbnails/{id}", s.serveThumbnail)
	s.mux.HandleFunc("/sandbox/faults", guarded(s.serveFaults))
	s.mux.HandleFunc("POST /sandbox/seed", guarded(s.serveSeed))

	read := []string{scopeReadonly, scopeYouTube, scopeForceSSL}
	write := []string{scopeYouTube, scopeForceSSL}
	send := []string{scopeUpload, scopeYouTube, scopeForceSSL}
	captions := []string{scopeForceSSL}

	insert := s.api(&method{"videos.insert", send, uploads, 1, s.insertVideo})
	session := s.api(&method{"session", send, "", 0, s.continueSession})
	s.mux.HandleFunc("POST /upload/youtube/v3/videos", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("upload_id") {
			session(w, r)
			return
		}
		insert(w, r)
	})
	s.mux.HandleFunc("PUT /upload/youtube/v3/videos", session)
	for pattern, m := range map[string]*method{
		"GET /youtube/v3/videos":                 {"videos.list", read, units, 1, s.listVideos},
		"GET /youtube/v3/videos:batchGetStats":   {"videos.batchGetStats", read, statistics, 1, s.batchGetStats},
		"PUT /youtube/v3/videos":                 {"videos.update", write, units, 50, s.updateVideo},
		"DELETE /youtube/v3/videos":              {"videos.delete", write, units, 50, s.deleteVideo},
		"GET /youtube/v3/channels":               {"channels.list", read, units, 1, s.listChannels},
		"GET /youtube/v3/videoCategories":        {"videoCategories.list", read, units, 1, s.listCategories},
		"GET /youtube/v3/playlists":              {"playlists.list", read, units, 1, s.listPlaylists},
		"POST /youtube/v3/playlists":             {"playlists.insert", write, units, 50, s.insertPlaylist},
		"PUT /youtube/v3/playlists":              {"playlists.update", write, units, 50, s.updatePlaylist},
		"DELETE /youtube/v3/playlists":           {"playlists.delete", write, units, 50, s.deletePlaylist},
		"GET /youtube/v3/playlistItems":          {"playlistItems.list", read, units, 1, s.listItems},
		"POST /youtube/v3/playlistItems":         {"playlistItems.insert", write, units, 50, s.insertItem},
		"DELETE /youtube/v3/playlistItems":       {"playlistItems.delete", write, units, 50, s.deleteItem},
		"GET /youtube/v3/captions":               {"captions.list", captions, units, 50, s.listCaptions},
		"GET /youtube/v3/captions/{id}":          {"captions.download", captions, units, 200, s.downloadCaption},
		"POST /upload/youtube/v3/captions":       {"captions.insert", captions, units, 400, s.insertCaption},
		"PUT /youtube/v3/captions":               {"captions.update", captions, units, 450, s.updateCaption},
		"PUT /upload/youtube/v3/captions":        {"captions.update", captions, units, 450, s.updateCaption},
		"DELETE /youtube/v3/captions":            {"captions.delete", captions, units, 50, s.deleteCaption},
		"POST /upload/youtube/v3/thumbnails/set": {"thumbnails.set", send, units, 50, s.setThumbnail},
	} {
		s.mux.HandleFunc(pattern, s.api(m))
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &apiError{Code: http.StatusNotFound, Reason: "notFound", Domain: "global", Message: "Not Found"})
	})
}

// api lets a request in (faults, token, scope, quota) and answers its refusals.
func (s *Sandbox) api(m *method) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, q: r.URL.Query(), m: m}
		err := s.admit(c)
		if err == nil {
			err = m.handle(c)
		}
		if err != nil {
			drain(w, r)
			s.refuse(w, r, err)
		}
	}
}

// drain reads what is left of a body, so that a client that writes first and
// reads afterwards gets to see the answer: a connection that is closed with
// bytes unread is reset. Who asked for 100-continue waits anyhow.
func drain(w http.ResponseWriter, r *http.Request) {
	const most, patience = 256 << 20, 10 * time.Second
	if r.Header.Get("Expect") != "" {
		return
	}
	// Neither matters if it fails: the answer follows in any case.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	_, _ = io.CopyN(io.Discard, r.Body, most)
}

func (s *Sandbox) admit(c *call) error {
	if err := s.count(c.m.name); err != nil {
		return err
	}
	if err := s.faults.before(c); err != nil {
		return err
	}
	if err := s.authorize(c); err != nil {
		return err
	}
	if err := s.spend(c.m.bucket, c.m.cost); err != nil {
		return err
	}
	return s.faults.refusal(c.m.name)
}

// parts reads the parameter part, which every method that answers a resource
// requires, and refuses what is not in known.
func (c *call) parts(known ...string) ([]string, error) {
	var parts []string
	for _, v := range c.q["part"] {
		for p := range strings.SplitSeq(v, ",") {
			if p = strings.TrimSpace(p); p == "" {
				continue
			}
			if !slices.Contains(known, p) {
				return nil, &apiError{
					Code: http.StatusBadRequest, Domain: "youtube.part", Reason: "unknownPart",
					Message: "'" + p + "'", Location: "part", LocationType: "parameter",
				}
			}
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil, missingParameter("part")
	}
	return parts, nil
}

// list reads a comma-separated parameter, which may also be repeated.
func (c *call) list(name string) []string {
	var all []string
	for _, v := range c.q[name] {
		for id := range strings.SplitSeq(v, ",") {
			if id = strings.TrimSpace(id); id != "" {
				all = append(all, id)
			}
		}
	}
	return all
}

// page builds one page of a list of total items and describes it as list answers do.
func (c *call) page(kind string, total int, build func(i int) obj) (obj, error) {
	size := 5
	if v := c.q.Get("maxResults"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 50 {
			return nil, invalidParameter("maxResults", fmt.Sprintf("Invalid value '%s'. Values must be within the range: [0, 50]", v))
		}
		size = n
	}
	from, err := pageStart(c.q.Get("pageToken"))
	if err != nil || from > total {
		return nil, &apiError{
			Code: http.StatusBadRequest, Domain: "youtube.common", Reason: "invalidPageToken",
			Message:  "The request specifies an invalid page token.",
			Location: "pageToken", LocationType: "parameter",
		}
	}
	to := min(from+size, total)
	items := []obj{}
	for i := from; i < to; i++ {
		items = append(items, build(i))
	}
	answer := obj{
		"kind": kind, "items": items,
		"pageInfo": obj{"totalResults": total, "resultsPerPage": size},
	}
	if size > 0 && to < total {
		answer["nextPageToken"] = pageToken(to)
	}
	if size > 0 && from > 0 {
		answer["prevPageToken"] = pageToken(max(from-size, 0))
	}
	return answer, nil
}

// read decodes the JSON body into v.
func (c *call) read(v any) (map[string]json.RawMessage, error) {
	const limit = 1 << 20 // a resource has at most 5000 bytes of description
	var raw json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, limit)).Decode(&raw); err != nil {
		return nil, &apiError{Code: http.StatusBadRequest, Domain: "global", Reason: "parseError", Message: "Parse Error"}
	}
	return decode(raw, v)
}

func decode(raw json.RawMessage, v any) (map[string]json.RawMessage, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, &apiError{Code: http.StatusBadRequest, Domain: "global", Reason: "parseError", Message: "Parse Error"}
	}
	if err := json.Unmarshal(raw, v); err != nil {
		where := "resource"
		if te := (*json.UnmarshalTypeError)(nil); errors.As(err, &te) && te.Field != "" {
			where += "." + te.Field
		}
		return nil, &apiError{
			Code: http.StatusBadRequest, Domain: "global", Reason: "badRequest",
			Message: "Invalid value at '" + where + "'",
		}
	}
	return keys, nil
}

// answer writes a resource.
func (c *call) answer(code int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the answer of %s: %w", c.m.name, err)
	}
	c.write(code, b)
	return nil
}

func (c *call) write(code int, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(code)
	_, _ = c.w.Write(body) // a client that went away is not ours to mend
}
