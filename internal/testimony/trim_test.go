package testimony_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

func TestTrimsAreReadAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     testimony.Trim
		wrong    []string
	}{
		{"", "", testimony.Trim{}, nil},
		{"0", "12", testimony.Trim{ToMS: 12_000}, nil},
		{" 2,5 ", "1:05", testimony.Trim{FromMS: 2_500, ToMS: 65_000}, nil},
		{"1:02.25", "", testimony.Trim{FromMS: 62_250}, nil},
		{"-1", "5", testimony.Trim{}, []string{"from"}},
		{"due", "NaN", testimony.Trim{}, []string{"from", "to"}},
		{"1e99", "5", testimony.Trim{}, []string{"from"}},
		{"5", "5,5", testimony.Trim{}, []string{"to"}},
		{"5", "2", testimony.Trim{}, []string{"to"}},
	} {
		got, err := testimony.ParseTrim(c.from, c.to)
		if diff := cmp.Diff(c.wrong, fields(err)); diff != "" {
			t.Errorf("%q to %q (-want +got):\n%s", c.from, c.to, diff)
		}
		if err == nil && got != c.want {
			t.Errorf("%q to %q is %+v, want %+v", c.from, c.to, got, c.want)
		}
	}
}

func TestTrimWithinAFile(t *testing.T) {
	for _, c := range []struct{ trim, want testimony.Trim }{
		{testimony.Trim{FromMS: 1000, ToMS: 5000}, testimony.Trim{FromMS: 1000, ToMS: 5000}},
		{testimony.Trim{FromMS: 1000, ToMS: 50_000}, testimony.Trim{FromMS: 1000}},
		{testimony.Trim{ToMS: 10_000}, testimony.Trim{}},
		{testimony.Trim{FromMS: 9_500}, testimony.Trim{}},
	} {
		if got := c.trim.Within(10 * time.Second); got != c.want {
			t.Errorf("%+v is %+v, want %+v", c.trim, got, c.want)
		}
	}
}

func TestTrimming(t *testing.T) {
	trim := testimony.Trim{FromMS: 1000, ToMS: 5000}
	t.Run("of an upload waits for the file", func(t *testing.T) {
		r := open(t)
		got := r.create(t, whole())
		if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "u1", TestimonyID: got.ID}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.TrimVideo(t.Context(), "tester", "001125", got.ID, "u1", trim); fault.Of(err) != fault.NotFound {
			t.Errorf("somebody else's: %v", err)
		}
		if _, err := r.TrimVideo(t.Context(), "tester", balme, got.ID, "u2", trim); fault.Of(err) != fault.NotFound {
			t.Errorf("an upload that is not there: %v", err)
		}
		if _, err := r.TrimVideo(t.Context(), "tester", balme, got.ID, "u1", trim); err != nil {
			t.Fatal(err)
		}
		if v := r.receive(t, got.ID, "u1"); v.Trim != trim {
			t.Errorf("the file came with %+v", v.Trim)
		}
		if v := r.receive(t, got.ID, "u3"); !v.Trim.Whole() {
			t.Errorf("another file has the trim of the one before: %+v", v.Trim)
		}
	})
	t.Run("of a file has it looked at again", func(t *testing.T) {
		r := open(t)
		got := r.create(t, whole())
		v := r.receive(t, got.ID, "u1")
		v.SourceMS = 8_000
		r.ready(t, v)
		before := r.received
		for _, c := range []struct {
			trim testimony.Trim
			want []string
		}{
			{testimony.Trim{FromMS: 7_500}, []string{"from"}},
			{testimony.Trim{FromMS: 6_900, ToMS: 9_000}, nil},
			{trim, nil},
			{trim, nil}, // pressed twice
		} {
			if _, err := r.TrimVideo(t.Context(), "tester", balme, got.ID, "", c.trim); !cmp.Equal(fields(err), c.want) {
				t.Errorf("%+v: %v", c.trim, err)
			}
		}
		if n := r.received - before; n != 2 {
			t.Errorf("looked at %d times, want 2", n)
		}
		// Who looked with the trim before keeps nothing.
		stale := *v
		stale.Trim = testimony.Trim{FromMS: 6_900, ToMS: 9_000}
		r.ready(t, &stale)
		now, err := r.Get(t.Context(), balme, got.ID)
		if err != nil {
			t.Fatal(err)
		}
		if now.Video.State != testimony.VideoChecking || now.Video.Trim != trim {
			t.Errorf("after a look that came late: %s with %+v", now.Video.State, now.Video.Trim)
		}
		var n int64
		r.db.Reader(t.Context()).Table("audit").Where("action = 'video.trim'").Count(&n)
		if n != 2 {
			t.Errorf("%d entries in the trail, want 2", n)
		}
	})
	t.Run("is over with review", func(t *testing.T) {
		r := open(t)
		got := r.create(t, whole())
		r.ready(t, r.receive(t, got.ID, "u1"))
		if _, err := r.Submit(t.Context(), "tester", balme, got.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := r.TrimVideo(t.Context(), "tester", balme, got.ID, "", trim); fault.Of(err) != fault.Conflict {
			t.Errorf("in review: %v", err)
		}
	})
}
