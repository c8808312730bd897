package tryout_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/tryout"
)

// TestVerdicts has films looked at that are bad each in one way.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := open(t)
	const (
		dark    = "color=0x14161a:s=854x480:r=25,format=rgb24,drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0x2a2420:t=fill"
		backlit = "color=0xf4f6ff:s=854x480:r=25,format=rgb24,drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0x3a3030:t=fill"
		// darkSkin is a face of dark skin in good light; snow is one before a bright
		// background that the camera is a match for.
		darkSkin = "color=0x808890:s=854x480:r=25,format=rgb24,drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0x6b4a3a:t=fill"
		snow     = "color=0xf4f6ff:s=854x480:r=25,format=rgb24,drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0xa07c68:t=fill"
		stage    = "color=0x080808:s=854x480:r=25,format=rgb24,drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0xb08c78:t=fill"

		faint  = "aevalsrc=0.012*" + voice + "+0.0002*random(0):s=48000"
		shout  = "aevalsrc=clip(2*" + voice + "\\,-1\\,1):s=48000"
		hum    = "aevalsrc=0.03*" + voice + "+0.15*sin(2*PI*50*t)+0.05*sin(2*PI*100*t):s=48000"
		wind   = "anoisesrc=c=brown:r=48000:a=1:seed=7,lowpass=f=60:p=2,lowpass=f=60:p=2,volume=2dB"
		fan    = "aevalsrc=0.12*" + voice + "+0.12*(random(0)-0.5):s=48000"
		strong = "aevalsrc=0.3*" + voice + "+0.0005*random(0):s=48000"
	)
	for _, c := range []struct {
		name, picture, sound   string
		light, heard, pictured tryout.Verdict
		more                   []string
	}{
		{"good", room, calm, tryout.Good, tryout.Good, tryout.Good, nil},
		{"dark", dark, calm, tryout.Dark, tryout.Good, tryout.Good, nil},
		{"backlit", backlit, calm, tryout.Backlit, tryout.Good, tryout.Good, nil},
		{"dark-skin", darkSkin, calm, tryout.Good, tryout.Good, tryout.Good, nil},
		{"snow", snow, calm, tryout.Good, tryout.Good, tryout.Good, nil},
		{"stage", stage, calm, tryout.Good, tryout.Good, tryout.Good, nil},
		{"no-track", room, "", tryout.Good, tryout.Silent, tryout.Good, nil},
		{"mute", room, "anullsrc=r=48000", tryout.Good, tryout.Silent, tryout.Good, nil},
		{"quiet", room, faint, tryout.Good, tryout.Quiet, tryout.Good, nil},
		{"strong", room, strong, tryout.Good, tryout.Good, tryout.Good, nil},
		{"clipped", room, shout, tryout.Good, tryout.Clipped, tryout.Good, nil},
		{"hum", room, hum, tryout.Good, tryout.Rumble, tryout.Good, nil},
		{"wind", room, wind, tryout.Good, tryout.Rumble, tryout.Good, nil},
		{"fan", room, fan, tryout.Good, tryout.Noisy, tryout.Good, nil},
		{"portrait", room + ",transpose=1", calm, tryout.Good, tryout.Good, tryout.Portrait, nil},
		{"small", room + ",scale=640:360", calm, tryout.Good, tryout.Good, tryout.Small, nil},
		{"choppy", room, calm, tryout.Good, tryout.Good, tryout.Choppy, []string{"-r", "8"}},
	} {
		body, err := film(c.name+".mp4", c.picture, c.sound, c.more...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Receive(t.Context(), mayor, bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got.Light() != c.light || got.Sound() != c.heard || got.Picture() != c.pictured {
			t.Errorf("%s: light %s, sound %s, picture %s; want %s, %s, %s: %+v",
				c.name, got.Light(), got.Sound(), got.Picture(), c.light, c.heard, c.pictured, got)
		}
	}
}

// TestLine states what a measured time means, at the edges of each word.
func TestLine(t *testing.T) {
	t.Parallel()
	const megabyte = 1_000_000
	for _, c := range []struct {
		name           string
		received, sent int64 // milliseconds
		speed          float64
		takes          time.Duration
		sure           bool
		verdict        tryout.Verdict
	}{
		{"no clock saw any time pass", 0, 0, 1e9, 59 * time.Millisecond, false, tryout.Good},
		{"in a moment", 500, 0, 2e6, 29500 * time.Millisecond, false, tryout.Good},
		{"too little to tell", 1999, 0, megabyte / 1.999, 117941 * time.Millisecond, false, tryout.Good},
		{"just long enough", 2000, 0, 5e5, 118 * time.Second, true, tryout.Good},
		{"a proxy gathered it first", 3, 10_000, 1e5, 590 * time.Second, true, tryout.Fair},
		{"the device kept it in store", 10_000, 400, 1e5, 590 * time.Second, true, tryout.Fair},
		{"a quarter of an hour", 15_254, 0, megabyte / 15.254, 899986 * time.Millisecond, true, tryout.Fair},
		{"a little more", 15_260, 0, megabyte / 15.26, 900340 * time.Millisecond, true, tryout.Slow},
	} {
		r := tryout.Result{Bytes: megabyte, ReceivedMS: c.received, SentMS: c.sent}
		l := r.Line()
		if d := l.Speed()/c.speed - 1; d > 1e-9 || d < -1e-9 || l.Sure() != c.sure || l.Judge() != c.verdict {
			t.Errorf("%s: %v bytes a second, sure %v, %s", c.name, l.Speed(), l.Sure(), l.Judge())
		}
		if got := l.Takes(59 * megabyte).Round(time.Millisecond); got != c.takes {
			t.Errorf("%s: takes %v, want %v", c.name, got, c.takes)
		}
	}
}

// TestASmallFilmTellsNothingOfASlowLine sends a film of some kilobytes: most of
// the time it takes is the way there and back.
func TestASmallFilmTellsNothingOfASlowLine(t *testing.T) {
	t.Parallel()
	small := tryout.Result{Bytes: 10_000, SentMS: 400}
	if l := small.Line(); l.Sure() || l.Judge() != tryout.Unsure {
		t.Errorf("sure %v, %s", l.Sure(), l.Judge())
	}
}

func TestKindsGrow(t *testing.T) {
	t.Parallel()
	var last int64
	for _, k := range tryout.Kinds {
		if k.Bytes <= last {
			t.Errorf("%s does not follow in size: %s", k.Name, cmp.Diff(last, k.Bytes))
		}
		last = k.Bytes
	}
}
