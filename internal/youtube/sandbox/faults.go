package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// FaultName is a way in which the sandbox can fail.
type FaultName string

// The faults. Those marked "at once" change the state when they are switched
// on; the others wait for the calls or videos that they spoil.
const (
	CutChunk      FaultName = "cutChunk"      // read After bytes of a chunk, keep Store of them, break the connection
	PartialChunk  FaultName = "partialChunk"  // read a chunk whole, keep Store bytes, answer 308
	LoseFinal     FaultName = "loseFinal"     // keep everything, break the connection instead of the final answer
	LoseInitial   FaultName = "loseInitial"   // open the session, break the connection instead of its address
	ExpireSession FaultName = "expireSession" // the session is gone; Status 404 (default) or 410

	Unavailable   FaultName = "unavailable"   // Status 503 (default) with RetryAfter seconds
	InternalError FaultName = "internalError" // 500
	Unauthorized  FaultName = "unauthorized"  // 401 authError
	Refuse        FaultName = "refuse"        // Status with Reason, Domain, Location and Message, after the call was paid; Method is required
	Stall         FaultName = "stall"         // say nothing for Delay (0: until the client leaves or asks again); in a chunk after After bytes

	SlowProcessing FaultName = "slowProcessing" // a video takes Delay longer
	FailProcessing FaultName = "failProcessing" // status.failureReason Reason, default conversion
	RejectVideo    FaultName = "rejectVideo"    // status.rejectionReason Reason, default termsOfUse
	ForcePrivate   FaultName = "forcePrivate"   // the video becomes private, whatever was asked

	Vanish         FaultName = "vanish"         // IDs (none: all) are missing from an answer of videos.list, batchGetStats, playlistItems.list
	FailStatistics FaultName = "failStatistics" // batchGetStats answers Status, default 500
	HideStatistics FaultName = "hideStatistics" // Keys (default likeCount) are missing from an answer's statistics
	WrongChannel   FaultName = "wrongChannel"   // channels.list answers another channel
	NoChannel      FaultName = "noChannel"      // channels.list answers no channel
	UploadLimit    FaultName = "uploadLimitExceeded"
	ThumbnailLimit FaultName = "uploadRateLimitExceeded"
	NoDuplicates   FaultName = "noDuplicates"   // playlistItems.insert refuses a video that is there, as the playlists do that were set so; others take it twice
	InvalidGrant   FaultName = "invalidGrant"   // the next refresh of a token is refused; the grant lives
	ShortGrant     FaultName = "shortGrant"     // the refresh token of the next code ends after Delay, and says so
	NoRefreshToken FaultName = "noRefreshToken" // the next code brings none
	OtherGrant     FaultName = "otherGrant"     // the next code is that of a person who chose another channel

	EmptyBucket  FaultName = "emptyBucket"  // at once: nothing is left of Bucket until the Pacific midnight
	FillBuckets  FaultName = "fillBuckets"  // at once: all buckets are full again
	Revoke       FaultName = "revoke"       // at once: every grant and token is void, for good
	StudioChange FaultName = "studioEdit"   // at once: Edit is done to IDs, as in YouTube Studio
	Claim        FaultName = "claim"        // at once: IDs are rejected for Reason, default claim
	Reject       FaultName = "reject"       // at once: IDs are rejected for Reason, default termsOfUse
	AutoCaptions FaultName = "autoCaptions" // at once: IDs have captions made from the sound, in the languages Keys (none: it)
	ViewsDown    FaultName = "viewsDown"    // at once: Views (default a tenth) are taken from IDs (none: all) and stay away
)

// Fault is one order to fail.
type Fault struct {
	Name       FaultName   `json:"fault"`
	Times      int         `json:"times,omitempty"`      // how many calls or videos it spoils; 0: one, negative: all
	Method     string      `json:"method,omitempty"`     // only this method, such as videos.list, session, token; empty: any but token
	Skip       int         `json:"skip,omitempty"`       // how many to let pass first
	After      int64       `json:"after,omitempty"`      // bytes
	Store      int64       `json:"store,omitempty"`      // bytes
	Status     int         `json:"status,omitempty"`     // HTTP
	RetryAfter int         `json:"retryAfter,omitempty"` // seconds
	Delay      float64     `json:"delay,omitempty"`      // seconds
	Reason     string      `json:"reason,omitempty"`
	Domain     string      `json:"domain,omitempty"`   // empty: global
	Location   string      `json:"location,omitempty"` // such as body.snippet.title
	Message    string      `json:"message,omitempty"`  // empty: the reason
	Bucket     string      `json:"bucket,omitempty"`
	IDs        []string    `json:"ids,omitempty"`
	Keys       []string    `json:"keys,omitempty"`
	Views      int64       `json:"views,omitempty"`
	Edit       *StudioEdit `json:"edit,omitempty"`
}

func (f Fault) delay() time.Duration { return time.Duration(f.Delay * float64(time.Second)) }

// names lists all faults.
func names() []FaultName {
	return []FaultName{
		CutChunk, PartialChunk, LoseFinal, LoseInitial, ExpireSession, Unavailable, InternalError, Unauthorized, Stall,
		SlowProcessing, FailProcessing, RejectVideo, ForcePrivate, Vanish, FailStatistics, HideStatistics,
		WrongChannel, NoChannel, UploadLimit, ThumbnailLimit, InvalidGrant, EmptyBucket, FillBuckets, Revoke, ViewsDown,
		Refuse, NoDuplicates, ShortGrant, NoRefreshToken, OtherGrant, StudioChange, Claim, Reject, AutoCaptions,
	}
}

// Faults is the switch board. Its methods may be called at any time.
type Faults struct {
	act     func(Fault) error
	mu      sync.Mutex
	pending []*Fault
}

// Add switches faults on.
func (f *Faults) Add(faults ...Fault) error {
	for _, one := range faults {
		if !slices.Contains(names(), one.Name) {
			return fmt.Errorf("switch a fault on: there is no fault %q", one.Name)
		}
		switch one.Name {
		case EmptyBucket, FillBuckets, Revoke, ViewsDown, StudioChange, Claim, Reject, AutoCaptions:
			if err := f.act(one); err != nil {
				return fmt.Errorf("switch fault %s on: %w", one.Name, err)
			}
			continue
		case Refuse:
			if one.Method == "" || one.Reason == "" || one.Status < 400 {
				return fmt.Errorf("switch fault %s on: it needs a method, a reason and a status of at least 400", one.Name)
			}
		}
		if one.Times == 0 {
			one.Times = 1
		}
		f.mu.Lock()
		f.pending = append(f.pending, &one)
		f.mu.Unlock()
	}
	return nil
}

// Clear switches all pending faults off.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = nil
}

// Pending lists the faults that still wait.
func (f *Faults) Pending() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Fault, 0, len(f.pending))
	for _, one := range f.pending {
		all = append(all, *one)
	}
	return all
}

// take uses up one time of a fault, if it waits for this method.
func (f *Faults) take(name FaultName, method string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, one := range f.pending {
		if one.Name != name || (one.Method != "" && one.Method != method) {
			continue
		}
		if method == "token" && one.Method == "" && !ofTokens(name) {
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			continue
		}
		if one.Times > 0 {
			if one.Times--; one.Times == 0 {
				f.pending = slices.Delete(f.pending, i, i+1)
			}
		}
		return *one, true
	}
	return Fault{}, false
}

// ofTokens tells whether a fault spoils the token endpoint without naming it.
func ofTokens(name FaultName) bool {
	return slices.Contains([]FaultName{InvalidGrant, ShortGrant, NoRefreshToken, OtherGrant}, name)
}

// refusal is the answer that was ordered for a method, if any.
func (f *Faults) refusal(method string) error {
	one, hit := f.take(Refuse, method)
	if !hit {
		return nil
	}
	e := &apiError{
		Code: one.Status, Domain: cmp.Or(one.Domain, "global"), Reason: one.Reason,
		Message: cmp.Or(one.Message, one.Reason), Location: one.Location, LocationType: "other",
	}
	if one.RetryAfter > 0 {
		e.Header = map[string]string{"Retry-After": strconv.Itoa(one.RetryAfter)}
	}
	return e
}

// before spoils a call before it is looked at.
func (f *Faults) before(c *call) error {
	if c.m.name != "session" || c.r.ContentLength == 0 { // within a chunk, receive stalls
		if one, hit := f.take(Stall, c.m.name); hit {
			wait(c.r.Context(), one.delay())
		}
	}
	if one, hit := f.take(Unavailable, c.m.name); hit {
		e := backendError(http.StatusServiceUnavailable)
		if one.Status != 0 {
			e.Code = one.Status
		}
		e.Header = map[string]string{"Retry-After": strconv.Itoa(one.RetryAfter)}
		return e
	}
	if _, hit := f.take(InternalError, c.m.name); hit {
		return backendError(http.StatusInternalServerError)
	}
	if _, hit := f.take(Unauthorized, c.m.name); hit {
		return unauthorized()
	}
	return nil
}

// chunkPlan is how much of a chunk is read and kept.
type chunkPlan struct {
	read, keep int64
	cut        bool
	stall      bool
	stallAfter int64
	stallFor   time.Duration
}

// chunk plans the reception of a chunk of want bytes.
func (f *Faults) chunk(method string, want int64) chunkPlan {
	p := chunkPlan{read: want, keep: want}
	if one, hit := f.take(CutChunk, method); hit {
		p.read, p.cut = min(max(one.After, 0), want), true
		p.keep = min(max(one.Store, 0), p.read)
	} else if one, hit := f.take(PartialChunk, method); hit {
		p.keep = min(max(one.Store, 0), want)
	}
	if one, hit := f.take(Stall, method); hit {
		p.stall, p.stallAfter, p.stallFor = true, min(max(one.After, 0), max(p.read-1, 0)), one.delay()
	}
	return p
}

// maxStall ends a stall that nobody else ends: a server that does not read does
// not see its client leave.
const maxStall = 5 * time.Minute

// wait passes time, or with 0 stays until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		d = maxStall
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
