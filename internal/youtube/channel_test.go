package youtube_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// studio is a client beside a channel that is made of nothing but documents,
// with the count of what the client says that it spends.
type studio struct {
	t      *testing.T
	box    *sandbox.Sandbox
	set    youtube.Settings
	client *youtube.Client
	now    time.Time

	mu     sync.Mutex
	spent  map[youtube.Bucket]int
	unsent int // calls that are said never to have reached YouTube
	empty  error
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	s := &studio{t: t, now: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC), spent: map[youtube.Bucket]int{}}
	box, err := sandbox.New(sandbox.Options{Dir: t.TempDir(), Clock: s.clock, Processing: -1, Growth: -1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(func() {
		server.Close()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	s.box = box
	s.set = youtube.Settings{
		Endpoint: server.URL, AuthURL: server.URL + "/o/oauth2/v2/auth", TokenURL: server.URL + "/token", RevokeURL: server.URL + "/revoke",
		ClientID: "portal", ClientSecret: "secret", RedirectURL: "http://127.0.0.1:9/ritorno",
	}
	s.client = s.newClient(box.IssueToken())
	return s
}

func (s *studio) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *studio) newClient(refresh string) *youtube.Client {
	s.t.Helper()
	tokens := youtube.NewOAuth(s.set, nil).TokenSource(s.t.Context(), &oauth2.Token{RefreshToken: refresh})
	client, err := youtube.NewClient(s.set, tokens, nil, youtube.WithClock(s.clock), youtube.WithQuota(s.reserve),
		youtube.WithWait(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }))
	if err != nil {
		s.t.Fatal(err)
	}
	return client
}

func (s *studio) reserve(_ context.Context, b youtube.Bucket, cost int) (func(bool), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty != nil {
		return nil, s.empty
	}
	return func(sent bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if sent {
			s.spent[b] += cost
		} else {
			s.unsent++
		}
	}, nil
}

// costs checks what a call says that it cost, and that the channel agrees.
func (s *studio) costs(want int, do func()) {
	s.t.Helper()
	said, counted := s.spent[youtube.BucketUnits], s.box.State().Spent["units"]
	do()
	if n := s.spent[youtube.BucketUnits] - said; n != want {
		s.t.Errorf("it is said to cost %d units, want %d", n, want)
	}
	if n := s.box.State().Spent["units"] - counted; n != want {
		s.t.Errorf("it cost %d units, want %d", n, want)
	}
}

func (s *studio) order(faults ...sandbox.Fault) {
	s.t.Helper()
	if err := s.box.Faults().Add(faults...); err != nil {
		s.t.Fatal(err)
	}
}

// metadata is what the town hall of an example says.
func metadata() youtube.Metadata {
	return youtube.Metadata{
		Title: "La legna per chi è solo", Description: "Perché nessuno resti al freddo.", Tags: []string{"legna", "valli di Lanzo"},
		CategoryID: "29", Language: "it", RecordedOn: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Privacy: youtube.Private,
	}
}

func (s *studio) upload(m youtube.Metadata) string {
	s.t.Helper()
	v, err := s.client.Upload(s.t.Context(), youtube.Upload{Metadata: m, File: strings.NewReader("\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom"), Size: 20, Slug: "a.mp4"},
		youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return v.ID
}

func (s *studio) video(id string) sandbox.VideoState {
	s.t.Helper()
	for _, v := range s.box.State().Videos {
		if v.ID == id {
			return v
		}
	}
	s.t.Fatalf("there is no video %s", id)
	return sandbox.VideoState{}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// An update never takes away what it does not speak of.
func TestEditsBlankNothing(t *testing.T) {
	s := newStudio(t)
	m := metadata()
	m.Localizations = map[string]youtube.Localized{"en": {"Firewood for who lives alone", "So that nobody is left in the cold."}}
	id := s.upload(m)
	before := s.video(id)
	if diff := cmp.Diff(map[string]sandbox.LocalizedState{"en": {Title: "Firewood for who lives alone", Description: "So that nobody is left in the cold."}}, before.Localizations); diff != "" {
		t.Errorf("localizations of an upload:\n%s", diff)
	}
	at := s.now.Add(time.Hour)
	s.costs(51, func() {
		v := must[youtube.Video](t)(s.client.SetPrivacy(t.Context(), id, youtube.Private, at))
		if !v.PublishAt.Equal(at) || v.Privacy != youtube.Private {
			t.Errorf("private until %s: %+v", at, v)
		}
	})
	want := before
	want.PublishAt, want.Title, want.Tags = at.Format(time.RFC3339), "Legna per tutti", []string{"legna"}
	s.costs(51, func() {
		must[youtube.Video](t)(s.client.UpdateMetadata(t.Context(), id, youtube.Metadata{Title: "Legna per tutti", Description: m.Description, Tags: []string{"legna"}}))
	})
	no := false
	want.ContainsSyntheticMedia = &no // said, as the part is sent whole
	if diff := cmp.Diff(want, s.video(id)); diff != "" {
		t.Errorf("after other words:\n%s", diff)
	}
	french := map[string]youtube.Localized{"fr": {"Du bois", ""}}
	s.costs(51, func() {
		v := must[youtube.Video](t)(s.client.SetLocalizations(t.Context(), id, french))
		if diff := cmp.Diff(french, v.Localizations); diff != "" {
			t.Error(diff)
		}
	})
	want.Localizations = map[string]sandbox.LocalizedState{"fr": {Title: "Du bois"}}
	if diff := cmp.Diff(want, s.video(id)); diff != "" {
		t.Errorf("after other languages:\n%s", diff)
	}
	must[youtube.Video](t)(s.client.SetPrivacy(t.Context(), id, youtube.Unlisted, time.Time{}))
	want.Privacy, want.PublishAt = "unlisted", ""
	if diff := cmp.Diff(want, s.video(id)); diff != "" {
		t.Errorf("after another privacy:\n%s", diff)
	}
	must[youtube.Video](t)(s.client.SetLocalizations(t.Context(), id, nil))
	if got := s.video(id).Localizations; len(got) > 0 {
		t.Errorf("all taken away: %v", got)
	}
}

func TestLocalizationsNeedALanguage(t *testing.T) {
	s := newStudio(t)
	m := metadata()
	m.Language = ""
	id := s.upload(m)
	s.costs(1, func() {
		_, err := s.client.SetLocalizations(t.Context(), id, map[string]youtube.Localized{"en": {"Firewood", ""}})
		wantError(t, err, youtube.ClassMetadata, "language")
	})
	for lang, l := range map[string]youtube.Localized{"en": {"", ""}, "fr": {"Du bois", strings.Repeat("é", 2501)}, "inglese!": {"Firewood", ""}} {
		s.costs(0, func() {
			_, err := s.client.SetLocalizations(t.Context(), id, map[string]youtube.Localized{lang: l})
			wantError(t, err, youtube.ClassMetadata, "translations")
		})
		m.Localizations = map[string]youtube.Localized{lang: l}
		m.Language = "it"
		wantError(t, m.Validate(), youtube.ClassMetadata, "translations")
	}
	m.Localizations, m.Language = map[string]youtube.Localized{"en": {"Firewood", ""}}, ""
	wantError(t, m.Validate(), youtube.ClassMetadata, "language")
}

// A schedule that has passed would publish at once: we refuse, and who planned
// decides anew.
func TestScheduleMustLieAhead(t *testing.T) {
	s := newStudio(t)
	id := s.upload(metadata())
	m := metadata()
	m.PublishAt = s.now
	_, err := s.client.Upload(t.Context(), youtube.Upload{Metadata: m, File: strings.NewReader("x"), Size: 1, Slug: "b.mp4"},
		youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
	wantError(t, err, youtube.ClassTemporary, "visibility")
	s.costs(0, func() {
		_, err := s.client.SetPrivacy(t.Context(), id, youtube.Private, s.now)
		wantError(t, err, youtube.ClassTemporary, "visibility")
		_, err = s.client.SetPrivacy(t.Context(), id, youtube.Public, s.now.Add(time.Hour))
		wantError(t, err, youtube.ClassMetadata, "visibility")
		_, err = s.client.UpdateMetadata(t.Context(), id, m)
		wantError(t, err, youtube.ClassTemporary, "visibility")
	})
	if n := len(s.box.State().Videos); n != 1 {
		t.Errorf("there are %d videos", n)
	}
	// One that was public once cannot be planned again.
	must[youtube.Video](t)(s.client.SetPrivacy(t.Context(), id, youtube.Public, time.Time{}))
	_, err = s.client.SetPrivacy(t.Context(), id, youtube.Private, s.now.Add(time.Hour))
	wantError(t, err, youtube.ClassMetadata, "visibility")
}

func TestPlaylists(t *testing.T) {
	s := newStudio(t)
	ctx := t.Context()
	a, b := s.upload(metadata()), s.upload(metadata())
	var list youtube.Playlist
	s.costs(50, func() {
		list = must[youtube.Playlist](t)(s.client.CreatePlaylist(ctx, youtube.Playlist{Title: "Solidarietà", Description: "Le voci.", Privacy: youtube.Unlisted}))
	})
	var first, second youtube.PlaylistItem
	s.costs(100, func() {
		first = must[youtube.PlaylistItem](t)(s.client.AddToPlaylist(ctx, list.ID, a))
		second = must[youtube.PlaylistItem](t)(s.client.AddToPlaylist(ctx, list.ID, b))
	})
	s.costs(1, func() {
		got := must[[]youtube.PlaylistItem](t)(s.client.PlaylistItems(ctx, list.ID))
		if diff := cmp.Diff([]youtube.PlaylistItem{{first.ID, a, 0}, {second.ID, b, 1}}, got); diff != "" {
			t.Error(diff)
		}
	})
	s.costs(1, func() {
		got := must[[]youtube.PlaylistItem](t)(s.client.FindInPlaylist(ctx, list.ID, b))
		if len(got) != 1 || got[0].ID != second.ID {
			t.Errorf("found %+v", got)
		}
	})
	s.costs(51, func() {
		if err := s.client.UpdatePlaylist(ctx, youtube.Playlist{ID: list.ID, Title: "Solidali", Privacy: youtube.Public}); err != nil {
			t.Fatal(err)
		}
	})
	for range 60 {
		must[youtube.Playlist](t)(s.client.CreatePlaylist(ctx, youtube.Playlist{Title: "Altra", Privacy: youtube.Private}))
	}
	s.costs(2, func() {
		all := must[[]youtube.Playlist](t)(s.client.Playlists(ctx))
		want := youtube.Playlist{ID: list.ID, Title: "Solidali", Description: "Le voci.", Privacy: youtube.Public, Items: 2}
		if len(all) != 61 || all[60] != want {
			t.Errorf("%d lists, the first is %+v", len(all), all[len(all)-1])
		}
	})
	s.costs(1, func() {
		wantError(t, s.client.UpdatePlaylist(ctx, youtube.Playlist{ID: "PLnothing", Title: "a"}), youtube.ClassNotFound, "")
	})
	s.order(sandbox.Fault{Name: sandbox.NoDuplicates})
	_, err := s.client.AddToPlaylist(ctx, list.ID, a)
	wantError(t, err, youtube.ClassExists, "")
	s.costs(50, func() {
		if err := s.client.RemoveFromPlaylist(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
	})
	wantError(t, s.client.RemoveFromPlaylist(ctx, first.ID), youtube.ClassNotFound, "")
	got := s.box.State().Playlists
	if i := slices.IndexFunc(got, func(p sandbox.PlaylistState) bool { return p.ID == list.ID }); i < 0 || !slices.Equal(got[i].Videos, []string{b}) {
		t.Errorf("left: %+v", got)
	}
}

func TestCaptions(t *testing.T) {
	s := newStudio(t)
	ctx := t.Context()
	id := s.upload(metadata())
	const vtt = "WEBVTT\n\n00:00.000 --> 00:01.000\nBuongiorno\n"
	// A reader that cannot be read twice, and a token that is found stale: it is
	// sent again all the same.
	s.order(sandbox.Fault{Name: sandbox.Unauthorized, Method: "captions.insert"})
	var track youtube.Caption
	s.costs(400, func() {
		track = must[youtube.Caption](t)(s.client.AddCaption(ctx, id, "it", "Voci in Comune", io.MultiReader(strings.NewReader(vtt))))
	})
	s.order(sandbox.Fault{Name: sandbox.AutoCaptions, IDs: []string{id}})
	s.costs(50, func() {
		all := must[[]youtube.Caption](t)(s.client.Captions(ctx, id))
		if len(all) != 2 || all[0].Auto || !all[1].Auto || all[0].Name != "Voci in Comune" || all[0].Status != "serving" || !all[0].UpdatedAt.Equal(s.now) {
			t.Errorf("%+v", all)
		}
	})
	s.costs(400, func() {
		_, err := s.client.AddCaption(ctx, id, "it", "Voci in Comune", strings.NewReader(vtt))
		wantError(t, err, youtube.ClassExists, "")
	})
	sum := s.video(id).Tracks[0].SHA256
	s.costs(450, func() {
		must[youtube.Caption](t)(s.client.ReplaceCaption(ctx, track.ID, strings.NewReader(vtt+"\n")))
	})
	if got := s.video(id).Tracks[0]; got.SHA256 == sum || got.Language != "it" || got.Name != "Voci in Comune" || got.Draft || got.Failed {
		t.Errorf("replaced: %+v", got)
	}
	_, err := s.client.AddCaption(ctx, id, "fr", strings.Repeat("a", 151), strings.NewReader(vtt))
	wantError(t, err, youtube.ClassMetadata, "captions")
	_, err = s.client.AddCaption(ctx, id, "fr", "", strings.NewReader(""))
	wantError(t, err, youtube.ClassMetadata, "captions")
	s.costs(50, func() {
		if err := s.client.DeleteCaption(ctx, track.ID); err != nil {
			t.Fatal(err)
		}
	})
	wantError(t, s.client.DeleteCaption(ctx, track.ID), youtube.ClassNotFound, "")
	_, err = s.client.ReplaceCaption(ctx, track.ID, strings.NewReader(vtt))
	wantError(t, err, youtube.ClassNotFound, "")
	_, err = s.client.Captions(ctx, "nothing")
	wantError(t, err, youtube.ClassNotFound, "")
}

func TestThumbnail(t *testing.T) {
	s := newStudio(t)
	id := s.upload(metadata())
	picture := func(width int) io.Reader {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, width*9/16)), nil); err != nil {
			t.Fatal(err)
		}
		return io.MultiReader(&b)
	}
	s.order(sandbox.Fault{Name: sandbox.Unauthorized, Method: "thumbnails.set"})
	s.costs(50, func() {
		if err := s.client.SetThumbnail(t.Context(), id, picture(1280), "image/jpeg"); err != nil {
			t.Fatal(err)
		}
	})
	if v := s.video(id); v.Thumbnail != "image/jpeg" {
		t.Errorf("thumbnail %q", v.Thumbnail)
	}
	wantError(t, s.client.SetThumbnail(t.Context(), id, picture(320), "image/jpeg"), youtube.ClassMetadata, "poster")
	s.costs(0, func() {
		wantError(t, s.client.SetThumbnail(t.Context(), id, endless{}, "image/jpeg"), youtube.ClassPermanent, "")
	})
}

// endless never stops.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// A channel that had videos before is read page by page.
func TestUploadsOfAChannelWithAPast(t *testing.T) {
	s := newStudio(t)
	var seeds []sandbox.SeedVideo
	for i := range 120 {
		seeds = append(seeds, sandbox.SeedVideo{
			Title: "Ufficio di esempio", Tags: []string{"voci"}, Privacy: "unlisted", Duration: 61,
			PublishedAt: time.Date(2020, 4, 7, 9, i, 0, 0, time.UTC),
		})
	}
	ids := must[[]string](t)(s.box.Seed(seeds...))
	slices.Reverse(ids)
	channel := must[youtube.Channel](t)(s.client.Channel(t.Context()))
	var got []string
	s.costs(6, func() {
		for token := ""; ; {
			page, next, err := s.client.Uploads(t.Context(), channel.UploadsPlaylist, token)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page {
				got = append(got, v.ID)
				if v.Title != "Ufficio di esempio" || v.Privacy != youtube.Unlisted || v.Duration != 61*time.Second || len(v.Tags) != 1 || v.PublishedAt.Year() != 2020 {
					t.Errorf("%+v", v)
				}
			}
			if token = next; token == "" {
				return
			}
		}
	})
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Error(diff)
	}
}

// wantError checks what a failure asks of us and which field it is about.
func wantError(t *testing.T, err error, class youtube.Class, field string) {
	t.Helper()
	got := ""
	if e, ok := errors.AsType[*youtube.Error](err); ok {
		got = e.Field()
	}
	if youtube.ClassOf(err) != class || got != field {
		t.Errorf("%v is %q about %q, want %q about %q", err, youtube.ClassOf(err), got, class, field)
	}
}

// Every error that is documented for a method asks the right thing of us,
// however it comes.
func TestDocumentedRefusals(t *testing.T) {
	const (
		insert, update, thumbnail                      = "videos.insert", "videos.update", "thumbnails.set"
		captionAdd, captionChange, captionRead         = "captions.insert", "captions.update", "captions.list"
		listMake, listChange, entryAdd, entryRead, del = "playlists.insert", "playlists.update", "playlistItems.insert", "playlistItems.list", "videos.delete"
		captionDelete, entryDelete                     = "captions.delete", "playlistItems.delete"
	)
	s := newStudio(t)
	id := s.upload(metadata())
	list := must[youtube.Playlist](t)(s.client.CreatePlaylist(t.Context(), youtube.Playlist{Title: "Uno", Privacy: youtube.Private}))
	calls := map[string]func(context.Context) error{
		insert: func(ctx context.Context) error {
			_, err := s.client.Upload(ctx, youtube.Upload{Metadata: metadata(), File: strings.NewReader("x"), Size: 1, Slug: "c.mp4"},
				youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
			return err
		},
		update: func(ctx context.Context) error { _, err := s.client.UpdateMetadata(ctx, id, metadata()); return err },
		thumbnail: func(ctx context.Context) error {
			return s.client.SetThumbnail(ctx, id, strings.NewReader("x"), "image/png")
		},
		captionAdd: func(ctx context.Context) error {
			_, err := s.client.AddCaption(ctx, id, "it", "", strings.NewReader("WEBVTT"))
			return err
		},
		captionChange: func(ctx context.Context) error {
			_, err := s.client.ReplaceCaption(ctx, "AU", strings.NewReader("WEBVTT"))
			return err
		},
		captionRead:   func(ctx context.Context) error { _, err := s.client.Captions(ctx, id); return err },
		captionDelete: func(ctx context.Context) error { return s.client.DeleteCaption(ctx, "AU") },
		listMake: func(ctx context.Context) error {
			_, err := s.client.CreatePlaylist(ctx, youtube.Playlist{Title: "a", Privacy: youtube.Public})
			return err
		},
		listChange:  func(ctx context.Context) error { return s.client.UpdatePlaylist(ctx, youtube.Playlist{ID: list.ID}) },
		entryAdd:    func(ctx context.Context) error { _, err := s.client.AddToPlaylist(ctx, list.ID, id); return err },
		entryRead:   func(ctx context.Context) error { _, err := s.client.PlaylistItems(ctx, list.ID); return err },
		entryDelete: func(ctx context.Context) error { return s.client.RemoveFromPlaylist(ctx, "UE") },
		del:         func(ctx context.Context) error { return s.client.Delete(ctx, id) },
	}
	every := slices.Sorted(maps.Keys(calls))
	const perDay = "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service 'youtube.googleapis.com'"
	for _, c := range []struct {
		methods []string
		status  int
		reasons []string
		where   string // location
		message string
		class   youtube.Class
		field   string
	}{
		// Fields of a video.
		{[]string{insert, update}, 400, []string{"invalidTitle"}, "", "", youtube.ClassMetadata, "title"},
		{[]string{insert, update}, 400, []string{"badRequest"}, "body.snippet.title", "", youtube.ClassMetadata, "title"},
		{[]string{insert, update}, 400, []string{"invalidDescription"}, "", "", youtube.ClassMetadata, "description"},
		{[]string{insert, update}, 400, []string{"invalidTags"}, "body.snippet.tags[3]", "", youtube.ClassMetadata, "tags"},
		{[]string{insert, update}, 400, []string{"defaultLanguageNotSet"}, "", "", youtube.ClassMetadata, "language"},
		{[]string{insert, update}, 400, []string{"invalidTitle", "invalidDescription"}, "body.localizations.en.title", "", youtube.ClassMetadata, "translations"},
		{[]string{insert, update}, 400, []string{"invalidRecordingDetails", "invalidRecordingDate"}, "", "", youtube.ClassMetadata, "recorded_on"},
		{[]string{insert, update}, 400, []string{"invalidPublishAt"}, "", "", youtube.ClassMetadata, "visibility"},
		{[]string{insert, update}, 403, []string{"forbiddenPrivacySetting"}, "", "", youtube.ClassMetadata, "visibility"},
		{[]string{insert, update}, 400, []string{"invalidCategoryId", "invalidVideoMetadata", "invalidVideoGameRating"}, "", "", youtube.ClassMetadata, ""},
		{[]string{insert}, 400, []string{"invalidFilename", "mediaBodyRequired"}, "", "", youtube.ClassPermanent, ""},
		{[]string{update}, 400, []string{"invalidDefaultBroadcastPrivacySetting"}, "", "", youtube.ClassPermanent, ""},
		{[]string{insert, update}, 403, []string{"forbiddenLicenseSetting", "forbiddenEmbedSetting"}, "", "", youtube.ClassPermanent, ""},
		// Thumbnails.
		{[]string{thumbnail}, 400, []string{"invalidImage"}, "", "", youtube.ClassMetadata, "poster"},
		{[]string{thumbnail}, 400, []string{"mediaBodyRequired"}, "", "", youtube.ClassPermanent, ""},
		{[]string{thumbnail}, 429, []string{"uploadRateLimitExceeded"}, "", "", youtube.ClassBurst, ""},
		// Captions.
		{[]string{captionAdd, captionChange}, 400, []string{"contentRequired"}, "", "", youtube.ClassMetadata, "captions"},
		{[]string{captionAdd}, 400, []string{"invalidMetadata", "nameTooLong"}, "", "", youtube.ClassMetadata, "captions"},
		{[]string{captionAdd}, 409, []string{"captionExists"}, "", "", youtube.ClassExists, ""},
		{[]string{captionChange, captionRead, captionDelete}, 404, []string{"captionNotFound"}, "", "", youtube.ClassNotFound, ""},
		// Playlists and their entries.
		{[]string{listMake, listChange}, 400, []string{"defaultLanguageNotSetError", "localizationValidationError", "invalidPlaylistSnippet", "playlistTitleRequired"}, "", "", youtube.ClassPermanent, ""},
		{[]string{listMake}, 400, []string{"maxPlaylistExceeded"}, "", "", youtube.ClassPermanent, ""},
		{[]string{listMake, listChange}, 403, []string{"playlistForbidden"}, "", "", youtube.ClassPermanent, ""},
		{[]string{listChange}, 400, []string{"playlistOperationUnsupported"}, "", "", youtube.ClassPermanent, ""},
		{[]string{listChange, entryAdd, entryRead}, 404, []string{"playlistNotFound"}, "", "", youtube.ClassNotFound, ""},
		{[]string{entryAdd}, 403, []string{"playlistContainsMaximumNumberOfVideos", "playlistItemsNotAccessible"}, "", "", youtube.ClassPermanent, ""},
		{[]string{entryRead}, 403, []string{"playlistItemsNotAccessible", "watchHistoryNotAccessible"}, "", "", youtube.ClassPermanent, ""},
		{[]string{entryAdd}, 400, []string{
			"invalidContentDetails", "invalidPlaylistItemPosition", "invalidResourceType", "manualSortRequired", "videoAlreadyInAnotherSeriesPlaylist",
			"channelIdRequired", "playlistIdRequired", "resourceIdRequired", "playlistOperationUnsupported", "failedPrecondition",
		}, "", "", youtube.ClassPermanent, ""},
		{[]string{entryAdd}, 409, []string{"videoAlreadyInPlaylist"}, "", "", youtube.ClassExists, ""},
		{[]string{entryAdd}, 400, []string{"videoAlreadyInPlaylist"}, "", "", youtube.ClassExists, ""},
		{[]string{entryAdd, entryDelete}, 409, []string{"aborted", "SERVICE_UNAVAILABLE"}, "", "The operation was aborted.", youtube.ClassTemporary, ""},
		{[]string{entryDelete}, 404, []string{"playlistItemNotFound"}, "", "", youtube.ClassNotFound, ""},
		{[]string{update, thumbnail, captionAdd, captionRead, entryAdd, del}, 404, []string{"videoNotFound"}, "", "", youtube.ClassNotFound, ""},
		// Everywhere.
		{every, 401, []string{"youtubeSignupRequired"}, "", "", youtube.ClassDisconnected, ""},
		{every, 401, []string{"authorizationRequired", "authError"}, "", "", youtube.ClassUnauthorized, ""},
		{every, 403, []string{"forbidden"}, "", "", youtube.ClassPermanent, ""},
		{every, 403, []string{
			"insufficientPermissions", "accountDelegationForbidden", "authenticatedUserAccountClosed",
			"authenticatedUserAccountSuspended", "authenticatedUserNotChannel", "accessNotConfigured",
		}, "", "", youtube.ClassDisconnected, ""},
		{every, 403, []string{"quotaExceeded", "dailyLimitExceeded"}, "", "", youtube.ClassUnitsQuota, ""},
		{every, 403, []string{"userRateLimitExceeded", "rateLimitExceeded"}, "", "", youtube.ClassBurst, ""},
		{every, 429, []string{"rateLimitExceeded"}, "", "", youtube.ClassBurst, ""},
		{[]string{insert}, 429, []string{"rateLimitExceeded"}, "", perDay, youtube.ClassUploadsQuota, ""},
		{[]string{insert}, 400, []string{"uploadLimitExceeded"}, "", "", youtube.ClassChannelLimit, ""},
		{[]string{insert}, 403, []string{"uploadLimitExceeded"}, "", "", youtube.ClassChannelLimit, ""},
		{every, 400, []string{"badRequest", "invalidParameter", "required", "unexpectedPart", "parseError"}, "", "", youtube.ClassPermanent, ""},
		{every, 500, []string{"internalError"}, "", "", youtube.ClassTemporary, ""},
		{every, 503, []string{"backendError", "processingFailure"}, "", "", youtube.ClassTemporary, ""},
	} {
		for _, method := range c.methods {
			for _, reason := range c.reasons {
				s.box.Faults().Clear()
				s.order(
					sandbox.Fault{Name: sandbox.Refuse, Method: method, Times: -1, Status: c.status, Reason: reason, Location: c.where, Message: c.message},
					sandbox.Fault{Name: sandbox.FillBuckets})
				err := calls[method](t.Context())
				e, ok := errors.AsType[*youtube.Error](err)
				if !ok {
					t.Errorf("%s refused for %s: %v", method, reason, err)
					continue
				}
				if youtube.ClassOf(err) != c.class || e.Field() != c.field || e.Reason != reason || e.Status != c.status {
					t.Errorf("%s refused with %d %s is %q about %q, want %q about %q: %v", method, c.status, reason, youtube.ClassOf(err), e.Field(), c.class, c.field, err)
				}
			}
		}
	}
	if n := len(s.box.State().Videos); n != 1 {
		t.Errorf("there are %d videos", n)
	}
}

// What the ledger refuses is not sent, and its own word comes back whole.
func TestQuotaRefusesBeforeTheCall(t *testing.T) {
	s := newStudio(t)
	id := s.upload(metadata())
	until := s.now.Add(time.Hour)
	e := fault.New(fault.Unavailable, "publishing.quota.units", "Until", until)
	e.Until = until
	s.empty = e
	before := maps.Clone(s.box.State().Calls)
	for name, do := range map[string]func() error{
		"a list":   func() error { _, err := s.client.Playlists(t.Context()); return err },
		"videos":   func() error { _, err := s.client.Videos(t.Context(), []string{id}, youtube.PartStatus); return err },
		"counts":   func() error { _, err := s.client.Statistics(t.Context(), []string{id}); return err },
		"a change": func() error { _, err := s.client.SetPrivacy(t.Context(), id, youtube.Public, time.Time{}); return err },
		"captions": func() error {
			_, err := s.client.AddCaption(t.Context(), id, "it", "", strings.NewReader("WEBVTT"))
			return err
		},
		"an upload": func() error {
			_, err := s.client.Upload(t.Context(), youtube.Upload{Metadata: metadata(), File: strings.NewReader("x"), Size: 1, Slug: "c.mp4"},
				youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
			return err
		},
	} {
		err := do()
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Unavailable || !f.Until.Equal(until) || youtube.ClassOf(err) != youtube.ClassTemporary {
			t.Errorf("%s: %v (%s)", name, err, youtube.ClassOf(err))
		}
	}
	if diff := cmp.Diff(before, s.box.State().Calls); diff != "" {
		t.Errorf("calls were made:\n%s", diff)
	}
}

// Only what surely never left counts as not sent.
func TestQuotaOfCallsThatFail(t *testing.T) {
	s := newStudio(t)
	id := s.upload(metadata())
	tell := func(name string, c *youtube.Client, sent, unsent int) {
		t.Helper()
		s.spent, s.unsent = map[youtube.Bucket]int{}, 0
		_, err := c.Videos(t.Context(), []string{id}, youtube.PartStatus)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		_, err = c.Playlists(t.Context())
		if err == nil || s.spent[youtube.BucketUnits] != sent || s.unsent != unsent {
			t.Errorf("%s: %d units are spent and %d calls are not, want %d and %d (%v)", name, s.spent[youtube.BucketUnits], s.unsent, sent, unsent, err)
		}
	}
	s.order(sandbox.Fault{Name: sandbox.InternalError, Times: 2})
	tell("answered", s.client, 2, 0)

	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer broken.Close()
	direct := s.set
	direct.Endpoint = broken.URL
	fixed := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "a"})
	client := func(set youtube.Settings, tokens oauth2.TokenSource) *youtube.Client {
		t.Helper()
		c, err := youtube.NewClient(set, tokens, nil, youtube.WithQuota(s.reserve))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tell("the line breaks", client(direct, fixed), 2, 0)

	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	direct.Endpoint = closed.URL
	tell("nobody there", client(direct, fixed), 0, 2)
	direct.Endpoint = "http://voci.invalid"
	tell("no such name", client(direct, fixed), 0, 2)

	// A first try was answered with 401 before the refresh was refused.
	s.order(sandbox.Fault{Name: sandbox.Unauthorized, Method: "videos.list"}, sandbox.Fault{Name: sandbox.InvalidGrant})
	tell("answered, then disconnected", s.client, 1, 1)
	tell("disconnected", s.newClient("1//nothing"), 0, 2)
}

func TestQuotaOfAnUploadThatIsNeverOpened(t *testing.T) {
	s := newStudio(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	set := s.set
	set.Endpoint = closed.URL
	client, err := youtube.NewClient(set, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "a"}), nil,
		youtube.WithQuota(s.reserve), youtube.WithWait(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Upload(t.Context(), youtube.Upload{Metadata: metadata(), File: strings.NewReader("x"), Size: 1, Slug: "c.mp4"},
		youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
	if youtube.ClassOf(err) != youtube.ClassTemporary || s.spent[youtube.BucketUploads] != 0 || s.unsent == 0 {
		t.Errorf("spent %v, %d calls not sent: %v", s.spent, s.unsent, err)
	}
}

// consent goes through the consent page and exchanges the code.
func (s *studio) consent() (*oauth2.Token, error) {
	s.t.Helper()
	o := youtube.NewOAuth(s.set, nil)
	verifier := oauth2.GenerateVerifier()
	page, err := url.Parse(o.ConsentURL("state", verifier))
	if err != nil {
		s.t.Fatal(err)
	}
	form := page.Query()
	form.Set("decision", "allow")
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.set.AuthURL, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		s.t.Fatal(err)
	}
	return o.Exchange(s.t.Context(), back.Query().Get("code"), verifier)
}

// The access of an app that is being tested ends after a week, and Google says
// so.
func TestTokenEnd(t *testing.T) {
	s := newStudio(t)
	const week = 7 * 24 * time.Hour
	s.order(sandbox.Fault{Name: sandbox.ShortGrant, Delay: week.Seconds()})
	before := time.Now()
	token := must[*oauth2.Token](t)(s.consent())
	after := time.Now()
	if end := youtube.TokenEnd(token); end.Before(before.Add(week)) || end.After(after.Add(week)) {
		t.Errorf("it ends at %s, got at %s", end, before)
	}
	if got := youtube.Scopes(token); !slices.Equal(got, []string{youtube.Scope}) {
		t.Errorf("scopes %v", got)
	}
	client := s.newClient(token.RefreshToken)
	must[youtube.Channel](t)(client.Channel(t.Context()))
	s.mu.Lock()
	s.now = s.now.Add(week)
	s.mu.Unlock()
	// The hour of the access token is over as well, and its renewal is refused.
	_, err := client.Channel(t.Context())
	wantError(t, err, youtube.ClassDisconnected, "")

	token = must[*oauth2.Token](t)(s.consent())
	if end := youtube.TokenEnd(token); !end.IsZero() {
		t.Errorf("an ordinary one ends at %s", end)
	}
	if got := youtube.Scopes(&oauth2.Token{}); !slices.Equal(got, []string{youtube.Scope}) {
		t.Errorf("without a list: %v", got)
	}
	s.order(sandbox.Fault{Name: sandbox.NoRefreshToken})
	if _, err := s.consent(); !errors.Is(err, youtube.ErrNoRefreshToken) {
		t.Errorf("without a refresh token: %v", err)
	}
}

// A renewal brings no refresh token: the one that there is stays good.
func TestRefreshTokenOutlivesRenewals(t *testing.T) {
	s := newStudio(t)
	for range 3 {
		must[youtube.Channel](t)(s.client.Channel(t.Context()))
		s.mu.Lock()
		s.now = s.now.Add(2 * time.Hour) // the sandbox lets the token end; we learn it by 401
		s.mu.Unlock()
	}
	if n := s.box.State().Calls["token"]; n != 3 {
		t.Errorf("%d renewals, want 3", n)
	}
}

// A person may choose another channel on the consent page: its id tells.
func TestOtherChannel(t *testing.T) {
	s := newStudio(t)
	s.order(sandbox.Fault{Name: sandbox.OtherGrant})
	token := must[*oauth2.Token](t)(s.consent())
	channel := must[youtube.Channel](t)(s.newClient(token.RefreshToken).Channel(t.Context()))
	if channel.ID == sandbox.ChannelID || channel.ID == "" {
		t.Errorf("the channel is %+v", channel)
	}
}
