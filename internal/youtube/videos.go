package youtube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	yt "google.golang.org/api/youtube/v3"
)

// Parts of a video that Videos can be asked for. FileDetails, ProcessingDetails
// and Suggestions are for the owner's eyes only.
// https://developers.google.com/youtube/v3/docs/videos/list
const (
	PartSnippet           = "snippet"
	PartStatus            = "status"
	PartContentDetails    = "contentDetails"
	PartProcessingDetails = "processingDetails"
	PartFileDetails       = "fileDetails"
	PartStatistics        = "statistics"
	PartSuggestions       = "suggestions"
	PartRecordingDetails  = "recordingDetails"
	PartLocalizations     = "localizations"
)

// Video is a video as YouTube has it. Only the fields of the parts asked for are
// set.
type Video struct {
	ID string

	// snippet
	ChannelID, Title, Description, CategoryID, Language string
	Tags                                                []string
	PublishedAt                                         time.Time

	// status
	Privacy         Privacy // may differ from the one asked for: compare
	UploadStatus    string  // uploaded, processed, failed, rejected, deleted
	FailureReason   string  // with failed
	RejectionReason string  // with rejected
	Embeddable      bool
	MadeForKids     bool
	PublishAt       time.Time

	// processingDetails
	ProcessingStatus           string // processing, succeeded, failed, terminated
	ProcessingFailure          string
	PartsTotal, PartsProcessed int64 // their ratio may go down
	TimeLeft                   time.Duration
	FileDetailsAvailability    string
	Duration                   time.Duration // contentDetails
	ProcessingErrors           []string      // suggestions
	FileName                   string        // fileDetails
	FileSize                   int64         // fileDetails, bytes
	RecordedOn                 time.Time     // recordingDetails
	Counts                     Counts        // statistics
	Localizations              map[string]Localized
}

// Counts are what YouTube says of a video's reception. Nil means that it says
// nothing, as with likes that the channel hides, and is not zero.
type Counts struct{ Views, Likes, Comments *int64 }

// Videos reads the named parts of at most MaxIDs videos, in one call of one
// unit. A video that is deleted, or not to be seen with our token, is missing
// from the answer.
func (c *Client) Videos(ctx context.Context, ids []string, parts ...string) (map[string]Video, error) {
	const doing = "reading videos"
	if err := checkIDs(ids); err != nil || len(ids) == 0 {
		return map[string]Video{}, err
	}
	query := url.Values{"part": {strings.Join(parts, ",")}, "id": {strings.Join(ids, ",")}, "maxResults": {strconv.Itoa(MaxIDs)}}
	body, err := c.get(ctx, doing, BucketUnits, CostRead, "/youtube/v3/videos", query)
	if err != nil {
		return nil, err
	}
	var list yt.VideoListResponse
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("youtube: %s: %w", doing, err)
	}
	counts, err := countsOf(body)
	if err != nil {
		return nil, fmt.Errorf("youtube: %s: %w", doing, err)
	}
	videos := make(map[string]Video, len(list.Items))
	for _, item := range list.Items {
		v := videoOf(item)
		v.Counts = counts[v.ID]
		videos[v.ID] = v
	}
	return videos, nil
}

// ViewsAtStart is the day from which YouTube counts a public view as soon as
// playback starts, whatever the video; before, somebody had to watch for a
// while. Numbers of both times stand in one history.
// https://developers.google.com/youtube/data/revision_history (2026-08-27)
var ViewsAtStart = time.Date(2026, time.August, 24, 0, 0, 0, 0, time.UTC)

// Statistics reads the counts of at most MaxIDs videos in one call of the
// statistics' own bucket. Where a project may not use that method yet, it reads
// videos.list instead, for one unit. The method promises no completeness: a
// video missing from the answer is one of which nothing is known.
// https://developers.google.com/youtube/v3/docs/videos/batchGetStats
func (c *Client) Statistics(ctx context.Context, ids []string) (map[string]Counts, error) {
	const doing = "reading statistics"
	if err := checkIDs(ids); err != nil || len(ids) == 0 {
		return map[string]Counts{}, err
	}
	query := url.Values{"part": {PartStatistics}, "id": {strings.Join(ids, ",")}}
	body, err := c.get(ctx, doing, BucketStatistics, CostStatistics, "/youtube/v3/videos:batchGetStats", query)
	if notOffered(err) {
		query.Set("maxResults", strconv.Itoa(MaxIDs))
		body, err = c.get(ctx, doing, BucketUnits, CostRead, "/youtube/v3/videos", query)
	}
	if err != nil {
		return nil, err
	}
	counts, err := countsOf(body)
	if err != nil {
		return nil, fmt.Errorf("youtube: %s: %w", doing, err)
	}
	return counts, nil
}

// notOffered tells whether a refusal may be of the method and not of us.
func notOffered(err error) bool {
	e, ok := asError(err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusNotFound:
		return true
	case http.StatusForbidden:
		class := e.class()
		return !isQuota(class) && class != ClassBurst && class != ClassDisconnected
	}
	return false
}

func checkIDs(ids []string) error {
	if len(ids) > MaxIDs {
		return &Error{Reason: "invalidFilters", Domain: "local", Message: fmt.Sprintf("%d ids are more than the %d of one call", len(ids), MaxIDs)}
	}
	return nil
}

// get reads a list as it is sent: the library's types cannot tell a count of
// zero from one that is not there.
func (c *Client) get(ctx context.Context, doing string, bucket Bucket, cost int, path string, query url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.settings.Endpoint+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, c.failure(ctx, doing, bucket, err)
	}
	req.Header.Set("User-Agent", userAgent)
	settle, err := c.reserve(ctx, bucket, cost)
	if err != nil {
		return nil, fmt.Errorf("youtube: %s: %w", doing, err)
	}
	resp, err := c.api.Do(req)
	settle(!neverSent(err))
	if err != nil {
		return nil, c.failure(ctx, doing, bucket, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxList))
	if err != nil {
		return nil, c.failure(ctx, doing, bucket, err)
	}
	if resp.StatusCode/100 != 2 {
		e := parseError(resp.StatusCode, resp.Header, body, c.now())
		e.Bucket = bucket
		return nil, fmt.Errorf("%s: %w", doing, e)
	}
	return body, nil
}

// count is a number that Google sends as a string.
type count int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *count) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("a count that is no number: %.40s", b)
	}
	*n = count(v)
	return nil
}

func (n *count) pointer() *int64 {
	if n == nil {
		return nil
	}
	v := int64(*n)
	return &v
}

// countsOf reads the statistics of a list of videos or of video stats, which are
// alike.
func countsOf(body []byte) (map[string]Counts, error) {
	var list struct {
		Items []struct {
			ID         string `json:"id"`
			Statistics struct {
				Views    *count `json:"viewCount"`
				Likes    *count `json:"likeCount"`
				Comments *count `json:"commentCount"`
			} `json:"statistics"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	counts := make(map[string]Counts, len(list.Items))
	for _, item := range list.Items {
		s := item.Statistics
		counts[item.ID] = Counts{Views: s.Views.pointer(), Likes: s.Likes.pointer(), Comments: s.Comments.pointer()}
	}
	return counts, nil
}

// videoOf takes what we use out of the library's video.
func videoOf(v *yt.Video) Video {
	out := Video{ID: v.Id}
	if s := v.Snippet; s != nil {
		out.ChannelID, out.Title, out.Description = s.ChannelId, s.Title, s.Description
		out.CategoryID, out.Language, out.Tags = s.CategoryId, s.DefaultLanguage, s.Tags
		out.PublishedAt = moment(s.PublishedAt)
	}
	if s := v.Status; s != nil {
		out.Privacy, out.UploadStatus = Privacy(s.PrivacyStatus), s.UploadStatus
		out.FailureReason, out.RejectionReason = s.FailureReason, s.RejectionReason
		out.Embeddable, out.MadeForKids, out.PublishAt = s.Embeddable, s.MadeForKids, moment(s.PublishAt)
	}
	if p := v.ProcessingDetails; p != nil {
		out.ProcessingStatus, out.ProcessingFailure = p.ProcessingStatus, p.ProcessingFailureReason
		out.FileDetailsAvailability = p.FileDetailsAvailability
		if g := p.ProcessingProgress; g != nil {
			out.PartsTotal, out.PartsProcessed = int64(g.PartsTotal), int64(g.PartsProcessed)
			out.TimeLeft = time.Duration(g.TimeLeftMs) * time.Millisecond
		}
	}
	if d := v.ContentDetails; d != nil {
		out.Duration = duration(d.Duration)
	}
	if s := v.Suggestions; s != nil {
		out.ProcessingErrors = s.ProcessingErrors
	}
	if f := v.FileDetails; f != nil {
		out.FileName, out.FileSize = f.FileName, int64(f.FileSize)
	}
	for lang, l := range v.Localizations {
		if out.Localizations == nil {
			out.Localizations = make(map[string]Localized, len(v.Localizations))
		}
		out.Localizations[lang] = Localized{Title: l.Title, Description: l.Description}
	}
	if r := v.RecordingDetails; r != nil {
		out.RecordedOn = moment(r.RecordingDate)
	}
	return out
}

// moment is a time as the Data API writes it, or zero.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// duration reads the part of ISO 8601 that contentDetails.duration uses, such as
// PT1M13S or P1DT2H; what it does not understand is zero.
func duration(s string) time.Duration {
	rest, found := strings.CutPrefix(s, "P")
	if !found {
		return 0
	}
	var total time.Duration
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour}
	for rest != "" {
		if rest[0] == 'T' {
			units = map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}
			rest = rest[1:]
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end <= 0 {
			return 0
		}
		n, err := strconv.ParseInt(rest[:end], 10, 32)
		unit := units[rest[end]]
		if err != nil || unit == 0 {
			return 0
		}
		total += time.Duration(n) * unit
		rest = rest[end+1:]
	}
	return total
}
