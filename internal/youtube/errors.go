package youtube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
)

// Refusals that are not YouTube's own words.
var (
	// ErrNoRefreshToken says that Google gave access for an hour only.
	ErrNoRefreshToken = errors.New("youtube: the answer to the consent holds no refresh token")
	// ErrMissingScope says that the person did not grant what we need.
	ErrMissingScope = errors.New("youtube: the consent does not cover managing the channel")
	// ErrOutcomeUnknown says that the session of an upload is gone after its last
	// byte was sent: the video may exist. Look for it with Client.FindUpload
	// before sending anything again.
	ErrOutcomeUnknown = errors.New("youtube: the session is gone and the video may exist")
	// ErrUnsure says that a search for an upload met videos of which YouTube does
	// not yet say the file.
	ErrUnsure = errors.New("youtube: the file of a recent video is not known yet")

	errSessionGone = errors.New("youtube: the session is gone")
	errStalled     = errors.New("youtube: nothing moved for too long")
)

// Error is a refusal by YouTube, or by our own check of what it would refuse.
type Error struct {
	Status     int    // of HTTP; 0 if we refused it ourselves
	Reason     string // YouTube's word, such as quotaExceeded
	Domain     string // such as youtube.quota
	Location   string // of what is wrong in the request, such as body.snippet.title
	Message    string // for the log
	RetryAfter time.Duration
	Bucket     Bucket // the allowance that the request drew from; empty if none
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("youtube")
	if e.Status != 0 {
		fmt.Fprintf(&b, " %d", e.Status)
	}
	for _, s := range []string{e.Reason, e.Location, e.Message} {
		if s != "" {
			b.WriteString(": ")
			b.WriteString(s)
		}
	}
	return b.String()
}

// Field is the name of the field of our form that the refusal is about, or "".
func (e *Error) Field() string {
	// In the form of the Data API a location is "body.snippet.title" or
	// "snippet.title"; tags may be followed by an index.
	location := strings.TrimPrefix(e.Location, "body.")
	if strings.HasPrefix(location, "localizations.") {
		return "translations" // whatever is wrong with them: a title, for instance
	}
	for _, f := range []struct{ reason, location, field string }{
		{"invalidTitle", "snippet.title", "title"},
		{"invalidDescription", "snippet.description", "description"},
		{"invalidTags", "snippet.tags", "tags"},
		{"defaultLanguageNotSet", "snippet.defaultLanguage", "language"},
		{"invalidLanguage", "snippet.defaultAudioLanguage", "language"},
		{"invalidRecordingDetails", "recordingDetails", "recorded_on"},
		{"invalidRecordingDate", "recordingDetails", "recorded_on"},
		{"forbiddenPrivacySetting", "status.privacyStatus", "visibility"},
		{"invalidPublishAt", "status.publishAt", "visibility"},
		{"invalidImage", "", "poster"},
		{"contentRequired", "", "captions"},
		{"invalidMetadata", "snippet.language", "captions"},
		{"nameTooLong", "snippet.name", "captions"},
	} {
		if e.Reason == f.reason || (f.location != "" && (location == f.location ||
			strings.HasPrefix(location, f.location+".") || strings.HasPrefix(location, f.location+"["))) {
			return f.field
		}
	}
	return ""
}

// reasonPastTime is our own: YouTube would make the video public at once.
const reasonPastTime = "publishAtHasPassed"

// Class says what a failure asks of us.
type Class string

// The classes.
const (
	ClassNone            Class = ""                 // no failure
	ClassMetadata        Class = "metadata"         // a person must change what Error.Field names
	ClassUnauthorized    Class = "unauthorized"     // a token was refused, also after a refresh
	ClassDisconnected    Class = "disconnected"     // an administrator must connect the channel again: stop everything
	ClassUploadsQuota    Class = "uploads_quota"    // wait for NextReset
	ClassStatisticsQuota Class = "statistics_quota" // wait for NextReset
	ClassUnitsQuota      Class = "units_quota"      // wait for NextReset
	ClassChannelLimit    Class = "channel_limit"    // the channel's own limit of uploads: wait a day
	ClassBurst           Class = "burst"            // too fast: wait for Error.RetryAfter, or some minutes
	ClassTemporary       Class = "temporary"        // try again later
	ClassSessionGone     Class = "session_gone"     // nothing was published; begin again later
	ClassOutcomeUnknown  Class = "outcome_unknown"  // use Client.FindUpload
	ClassExists          Class = "exists"           // it is there already
	ClassNotFound        Class = "not_found"        // no such video, playlist or captions, or not ours
	ClassPermanent       Class = "permanent"        // trying again will not help
)

// classes by YouTube's reasons; what is not here is decided by the status.
// https://developers.google.com/youtube/v3/docs/errors and the errors of each
// method that we call; the last ones of Disconnected are those of
// https://developers.google.com/identity/protocols/oauth2. Those that follow
// their status are permanent: they tell of a mistake of ours or of a limit of
// the channel, such as playlistContainsMaximumNumberOfVideos.
func classOfReason(reason string) Class {
	switch reason {
	case "invalidTitle", "invalidDescription", "invalidTags", "invalidCategoryId", "invalidRecordingDetails", "invalidRecordingDate",
		"invalidPublishAt", "invalidVideoMetadata", "invalidVideoGameRating", "invalidLanguage",
		"defaultLanguageNotSet", "forbiddenPrivacySetting",
		"invalidImage", "contentRequired", "invalidMetadata", "nameTooLong":
		return ClassMetadata
	case "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "youtubeSignupRequired", "noChannel",
		"accountClosed", "accountSuspended", "accountDelegationForbidden",
		"authenticatedUserAccountClosed", "authenticatedUserAccountSuspended", "authenticatedUserNotChannel",
		"accessNotConfigured", "SERVICE_DISABLED",
		"invalid_grant", "invalid_client", "unauthorized_client", "deleted_client", "disabled_client",
		"admin_policy_enforced", "org_internal", "access_denied":
		return ClassDisconnected
	case "captionExists", "videoAlreadyInPlaylist":
		return ClassExists
	case "videoNotFound", "captionNotFound", "playlistNotFound", "playlistItemNotFound":
		return ClassNotFound
	case "uploadLimitExceeded": // seen as 400 and as 403
		return ClassChannelLimit
	case "uploadRateLimitExceeded":
		return ClassBurst
	case "backendError", "internalError", "SERVICE_UNAVAILABLE",
		"aborted",      // 409: two changes of one playlist at the same time
		reasonPastTime: // the caller decides anew
		return ClassTemporary
	}
	return ClassNone
}

func (e *Error) class() Class {
	if c := classOfReason(e.Reason); c != ClassNone {
		return c
	}
	switch e.Reason {
	case "quotaExceeded", "dailyLimitExceeded":
		return e.dailyQuota()
	case "rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED":
		// The same reason stands for the day's uploads and for being too fast; only
		// the sentence tells: "… limit 'Video Uploads per day' …".
		if strings.Contains(strings.ToLower(e.Message), "per day") {
			return e.dailyQuota()
		}
		return ClassBurst
	}
	switch {
	case e.Status == 0:
		return ClassPermanent
	case e.Status == http.StatusUnauthorized:
		return ClassUnauthorized
	case e.Status == http.StatusTooManyRequests:
		return ClassBurst
	case e.Status == http.StatusRequestTimeout, e.Status >= 500:
		return ClassTemporary
	case e.Status == http.StatusNotFound:
		return ClassNotFound
	case e.Status == http.StatusBadRequest && e.Field() != "":
		return ClassMetadata
	}
	return ClassPermanent
}

func (e *Error) dailyQuota() Class {
	switch {
	case strings.Contains(strings.ToLower(e.Message), "video uploads"):
		return ClassUploadsQuota
	case e.Bucket == BucketStatistics:
		return ClassStatisticsQuota
	}
	return ClassUnitsQuota
}

// ClassOf says what err asks of us. An error that is not of this package's
// making, such as that of the function that keeps a session, or the end of a
// context, is temporary.
func ClassOf(err error) Class {
	switch {
	case err == nil:
		return ClassNone
	case errors.Is(err, ErrOutcomeUnknown):
		return ClassOutcomeUnknown
	case errors.Is(err, errSessionGone):
		return ClassSessionGone
	case errors.Is(err, ErrNoRefreshToken), errors.Is(err, ErrMissingScope):
		return ClassDisconnected
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.class()
	}
	if _, ok := errors.AsType[*fileError](err); ok {
		return ClassPermanent
	}
	return ClassTemporary
}

// fileError is a failure to read our own file: YouTube has no part in it.
type fileError struct{ err error }

func (f *fileError) Error() string { return "reading the file: " + f.err.Error() }
func (f *fileError) Unwrap() error { return f.err }

// apiError is the shape of Google's errors.
// https://developers.google.com/youtube/v3/docs/core_errors
type apiError struct {
	Error struct {
		Message string `json:"message"`
		Status  string `json:"status"`
		Errors  []struct {
			Reason   string `json:"reason"`
			Domain   string `json:"domain"`
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
		Details []struct {
			Reason string `json:"reason"`
			Domain string `json:"domain"`
		} `json:"details"`
	} `json:"error"`
}

// oauthError is the shape of RFC 6749, section 5.2.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// parseError reads an answer that is not a success.
func parseError(status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{Status: status, RetryAfter: retryAfter(header, now)}
	var api apiError
	var grant oauthError
	switch {
	case json.Unmarshal(body, &api) == nil:
		e.Message = api.Error.Message
		if len(api.Error.Errors) > 0 {
			first := api.Error.Errors[0]
			e.Reason, e.Domain, e.Location = first.Reason, first.Domain, first.Location
			if e.Message == "" {
				e.Message = first.Message
			}
		}
		for _, d := range api.Error.Details {
			// The newer form repeats the reason in its own words; they matter where
			// the older form has none, or only "forbidden".
			if e.Reason == "" || (classOfReason(e.Reason) == ClassNone && classOfReason(d.Reason) != ClassNone) {
				e.Reason, e.Domain = d.Reason, d.Domain
			}
		}
	case json.Unmarshal(body, &grant) == nil:
		e.Reason, e.Message = grant.Error, grant.Description
	}
	if e.Message == "" {
		e.Message = http.StatusText(status)
	}
	e.Message = shorten(redact(e.Message))
	return e
}

// shorten keeps a foreign sentence to the size of one line of a log.
func shorten(s string) string {
	const most = 500
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// retryAfter reads seconds or a date. RFC 9110, section 10.2.3.
func retryAfter(header http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// failure turns whatever a call came back with into an error of ours that says
// what was being done.
func (c *Client) failure(ctx context.Context, doing string, bucket Bucket, err error) error {
	return failure(ctx, doing, bucket, c.now(), err)
}

func failure(ctx context.Context, doing string, bucket Bucket, now time.Time, err error) error {
	if end := ctx.Err(); end != nil {
		return fmt.Errorf("youtube: %s: %w", doing, end)
	}
	if g, ok := errors.AsType[*googleapi.Error](err); ok {
		e := parseError(g.Code, g.Header, []byte(g.Body), now)
		e.Bucket = bucket
		return fmt.Errorf("%s: %w", doing, e)
	}
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status, header := 0, http.Header(nil)
		if r.Response != nil {
			status, header = r.Response.StatusCode, r.Response.Header
		}
		e := parseError(status, header, r.Body, now)
		if r.ErrorCode != "" {
			e.Reason, e.Message = r.ErrorCode, shorten(redact(r.ErrorDescription))
		}
		return fmt.Errorf("%s: %w", doing, e)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return fmt.Errorf("%s: %w", doing, e)
	}
	return fmt.Errorf("youtube: %s: %w", doing, withoutAddress(err))
}

// asError finds the refusal in an error.
func asError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// isQuota tells whether a class is the end of a daily allowance.
func isQuota(c Class) bool {
	return slices.Contains([]Class{ClassUploadsQuota, ClassStatisticsQuota, ClassUnitsQuota}, c)
}
