package page

import (
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Europe/Rome also where the machine has no time zones

	"github.com/voci-in-comune/voci/internal/fault"
)

// say is the sentence of a message: numbers get separators, times become words
// ("From" is one from which something goes on), messages inside become sentences.
func (p *Pages) say(lang string, m fault.Message) (string, error) {
	args := make(map[string]any, len(m.Args))
	maps.Copy(args, m.Args)
	var count any
	for name, value := range m.Args {
		switch v := value.(type) {
		case int, int64, int32:
			n := toInt(v)
			if name == "Count" {
				count = n
			}
			args[name] = Number(lang, n)
		case *int64:
			if v == nil {
				break
			}
			if name == "Count" {
				count = *v
			}
			args[name] = Number(lang, *v)
		case float64:
			args[name] = Decimal(lang, v)
		case time.Time:
			args[name] = p.inSentence(lang, v)
			if name == "From" {
				args[name] = p.from(lang, v)
			}
		case fault.Message:
			inner, err := p.say(lang, v)
			if err != nil {
				return inner, err
			}
			args[name] = inner
		}
	}
	return p.locales.text(lang, m.Key, count, args)
}

func toInt(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case int64:
		return v
	case uint64:
		return int64(min(v, math.MaxInt64))
	case *int64:
		if v != nil {
			return *v
		}
	}
	return 0
}

// Separators by language. French takes a narrow no-break space.
var (
	groupMark   = map[string]string{Italian: ".", English: ",", French: "\u202f"}
	decimalMark = map[string]string{Italian: ",", English: ".", French: ","}
)

// Number writes n with the separators of a language: 2.247.780 in Italian.
func Number(lang string, n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "\u2212", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(groupMark[lang])
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// Decimal writes v with one digit after the mark, none if it is zero.
func Decimal(lang string, v float64) string {
	whole, tenth, _ := strings.Cut(strconv.FormatFloat(math.Abs(v), 'f', 1, 64), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil { // infinite, or beyond any count of ours
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	text := Number(lang, n)
	if tenth != "0" {
		text += decimalMark[lang] + tenth
	}
	if v < 0 && text != "0" {
		text = "\u2212" + text
	}
	return text
}

// Duration writes the length of a video: 2:05, 1:02:05.
func Duration(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Bytes writes an amount of bytes in decimal units, as phones and shops do.
func Bytes(lang string, n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	if lang == French {
		units = []string{"o", "ko", "Mo", "Go", "To"}
	}
	v, i := float64(n), 0
	for v >= 999.95 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	return Decimal(lang, v) + "\u00a0" + units[i]
}

// date writes a day: 23 novembre 2026.
func (p *Pages) date(lang string, t time.Time) string {
	t = t.In(p.rome)
	months := strings.Fields(p.sentence(lang, "date.months", nil))
	month := strconv.Itoa(int(t.Month()))
	if len(months) == 12 {
		month = months[t.Month()-1]
	}
	key := "date.day"
	if t.Day() == 1 {
		key = "date.day_first"
	}
	return p.sentence(lang, key, map[string]any{"Day": strconv.Itoa(t.Day()), "Month": month, "Year": strconv.Itoa(t.Year())})
}

// datetime writes day and time: 23 novembre 2026 alle 09:00.
func (p *Pages) datetime(lang string, t time.Time) string {
	return p.sentence(lang, "date.at", map[string]any{"Day": p.date(lang, t), "Time": p.clock(t)})
}

// when writes day and time as people say them: oggi alle 09:00.
func (p *Pages) when(lang string, t time.Time) string {
	args := map[string]any{"Time": p.clock(t)}
	switch p.daysTo(t) {
	case 0:
		return p.sentence(lang, "date.today", args)
	case -1:
		return p.sentence(lang, "date.yesterday", args)
	case 1:
		return p.sentence(lang, "date.tomorrow", args)
	}
	return p.datetime(lang, t)
}

// inSentence is when, as a sentence takes it in: oggi alle 09:00, but il 23
// novembre 2026 alle 09:00.
func (p *Pages) inSentence(lang string, t time.Time) string {
	if d := p.daysTo(t); d >= -1 && d <= 1 {
		return p.when(lang, t)
	}
	key := "date.on"
	if day := t.In(p.rome).Day(); day == 8 || day == 11 { // l’otto, l’undici
		key = "date.on_vowel"
	}
	return p.sentence(lang, key, map[string]any{"Day": p.date(lang, t), "Time": p.clock(t)})
}

// from writes a time from which something goes on: oggi dalle 09:00.
func (p *Pages) from(lang string, t time.Time) string {
	args := map[string]any{"Time": p.clock(t)}
	switch p.daysTo(t) {
	case 0:
		return p.sentence(lang, "date.from_today", args)
	case 1:
		return p.sentence(lang, "date.from_tomorrow", args)
	}
	args["Day"] = p.date(lang, t)
	return p.sentence(lang, "date.from", args)
}

// daysTo is how many days of the calendar in Rome lie between now and t.
func (p *Pages) daysTo(t time.Time) int {
	y, m, d := p.opt.Now().In(p.rome).Date()
	ty, tm, td := t.In(p.rome).Date()
	return int(time.Date(ty, tm, td, 0, 0, 0, 0, time.UTC).Sub(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
}

func (p *Pages) clock(t time.Time) string { return t.In(p.rome).Format("15:04") }

// sentence is a sentence whose arguments are written already.
func (p *Pages) sentence(lang, key string, args map[string]any) string {
	text, err := p.locales.text(lang, key, nil, args)
	if err != nil {
		p.opt.Log.Error("a sentence is missing", "key", key, "lang", lang, "error", err)
	}
	return text
}

// moment reads what templates and view models give as a time: a time, a pointer
// to one, or a day written YYYY-MM-DD. It is false for none.
func (p *Pages) moment(v any) (time.Time, bool, error) {
	switch v := v.(type) {
	case time.Time:
		return v, !v.IsZero(), nil
	case *time.Time:
		if v == nil {
			return time.Time{}, false, nil
		}
		return *v, !v.IsZero(), nil
	case string:
		if v == "" {
			return time.Time{}, false, nil
		}
		t, err := time.ParseInLocation(time.DateOnly, v, p.rome)
		return t, err == nil, err
	}
	return time.Time{}, false, fmt.Errorf("%T is not a time", v)
}
