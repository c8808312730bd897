package testimony

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Europe/Rome also where the machine has no time zones
	"unicode"
	"unicode/utf8"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Others says whether somebody but the speaker can be recognised in the video.
type Others string

// The answers. Their names are in the database.
const (
	OthersUnsaid Others = ""     // nobody asked: a program sent the form that does not know the question
	OthersOpen   Others = "open" // asked, and not answered yet
	OthersNo     Others = "no"
	OthersYes    Others = "yes"
)

// MaxFilmed bounds the register of one testimony.
const MaxFilmed = 100

// maxWhy bounds what is written down of why somebody takes a consent back, in
// characters.
const maxWhy = 500

// The ages of who is filmed, as forms name them.
const (
	Adult = "adult"
	Minor = "minor"
)

// Relations are those of who may consent for a minor: whoever has parental
// responsibility (articles 316 and 320 of the Italian civil code), a guardian
// (343), a foster carer (law 184/1983, article 5).
func Relations() []string { return []string{"parents", "guardian", "carer"} }

// FilmedConsents are the words that a person who is filmed agrees to, of an
// adult and of a minor, as Consents are those of the town hall.
func FilmedConsents() []Consent {
	return []Consent{
		{
			Kind: "filmed_adult", Version: "2026-11",
			Wording: "Acconsento a comparire con la mia immagine e la mia voce in questo video del mio Comune, e alla sua pubblicazione " +
				"sul portale «Voci in Comune» della Città metropolitana di Torino e sul suo canale YouTube, gratuitamente e senza limiti " +
				"di luogo (articolo 10 del codice civile; articoli 96 e 97 della legge 22 aprile 1941, n. 633; articoli 6 e 7 del regolamento " +
				"UE 2016/679). Il video non può essere usato in modo che offenda la mia dignità. So che posso ritirare il consenso " +
				"quando voglio, senza dire perché, rivolgendomi al Comune o alla Città metropolitana: il video viene allora tolto " +
				"dal portale e dal canale. Il ritiro non rende illecito quello che è stato fatto prima.",
		},
		{
			Kind: "filmed_minor", Version: "2026-11",
			Wording: "Esercito la responsabilità genitoriale, la tutela o l’affidamento della persona minorenne indicata; se siamo in due a " +
				"esercitarla, siamo d’accordo tutti e due. Acconsento a che compaia con la sua immagine e la sua voce in questo video del " +
				"Comune, e alla sua pubblicazione sul portale «Voci in Comune» della Città metropolitana di Torino e sul suo canale YouTube, " +
				"gratuitamente e senza limiti di luogo (articoli 10, 316 e 320 del codice civile; articoli 96 e 97 della legge 22 aprile 1941, " +
				"n. 633; articoli 6 e 7 del regolamento UE 2016/679). Il video non può essere usato in modo che offenda la dignità della " +
				"persona minorenne o le sia di danno. So che il consenso si può ritirare quando si vuole, senza dire perché, rivolgendosi al " +
				"Comune o alla Città metropolitana: il video viene allora tolto dal portale e dal canale. Il ritiro non rende illecito " +
				"quello che è stato fatto prima.",
		},
	}
}

// Filmed is an entry of the register of everyone filmed in a testimony: who,
// and what was agreed to.
type Filmed struct {
	ID           int64
	TestimonyID  int64
	FormKey      string // of the form that added it
	Name         string // or a description; empty once the entry was removed
	Minor        bool
	Guardian     string // who consents for a minor
	Relation     string // one of Relations
	Kind         string // of the consent, with its version and exact words
	Version      string
	Wording      string
	GivenOn      string // day, YYYY-MM-DD
	RecordedAt   time.Time
	RecordedBy   string
	CorrectedAt  *time.Time
	CorrectedBy  string
	Revision     int    // grows with every correction
	WithdrawnOn  string // day, YYYY-MM-DD
	WithdrawnWhy string // what the person said, if anything
	WithdrawnAt  *time.Time
	WithdrawnBy  string
	RemovedAt    *time.Time
	RemovedBy    string

	Paper *Paper `gorm:"foreignKey:FilmedID"` // the signed release, nil without one
}

// TableName names the table of the register.
func (Filmed) TableName() string { return "filmed" }

// Paper is a signed release: a PDF in the vault.
type Paper struct {
	Name       string `gorm:"primaryKey"` // in the vault
	FilmedID   int64
	Filename   string // as the sender called it, for people only
	Bytes      int64
	SHA256     string `gorm:"column:sha256"`
	ReceivedAt time.Time
	DroppedAt  *time.Time // another took its place, or its entry was removed
}

// Stands tells whether the consent was given and not taken back.
func (f *Filmed) Stands() bool { return f.WithdrawnAt == nil && f.RemovedAt == nil }

// Complete tells whether the entry has all that review needs.
func (f *Filmed) Complete() bool {
	return f.Name != "" && f.Wording != "" && f.GivenOn != "" && (!f.Minor || f.Guardian != "" && f.Relation != "")
}

// Age is adult or minor.
func (f *Filmed) Age() string {
	if f.Minor {
		return Minor
	}
	return Adult
}

// Agreement names a consent and its version, as a form sends it when it is
// agreed to.
func (c Consent) Agreement() string { return c.Kind + "@" + c.Version }

// Agreement names what the person agreed to.
func (f *Filmed) Agreement() string { return f.Kind + "@" + f.Version }

// FilmedForm is an entry as it was typed.
type FilmedForm struct {
	Key       string // of the form; sent twice, it adds one entry
	Name      string
	Age       string
	Guardian  string
	Relation  string
	GivenOn   string
	Agreed    []string // Agreement of each text whose box is ticked
	Paper     *Paper   // the PDF that came with it, whole in the vault
	DropPaper bool     // the one that is there is not wanted any more
	Revision  int      // of the entry that is corrected
}

// read puts what was typed into f, and says what is wrong with it. f is empty,
// or as it was before a correction.
func (form FilmedForm) read(f *Filmed, now time.Time) (wrong fault.Fields) {
	f.Name = oneLine(&wrong, "name", form.Name)
	if f.Name == "" && len(wrong) == 0 {
		wrong.Add("name", "register.name.empty")
	}
	f.Guardian, f.Relation = "", ""
	switch form.Age {
	case Adult:
		f.Minor = false
	case Minor:
		f.Minor = true
		before := len(wrong)
		f.Guardian = oneLine(&wrong, "guardian", form.Guardian)
		if f.Guardian == "" && len(wrong) == before {
			wrong.Add("guardian", "register.guardian.empty")
		}
		if f.Relation = form.Relation; !slices.Contains(Relations(), form.Relation) {
			wrong.Add("relation", "register.relation.empty")
		}
	default:
		wrong.Add("age", "register.age.empty")
	}
	f.GivenOn = pastDay(&wrong, "given_on", form.GivenOn, now)
	if form.Age == Adult || form.Age == Minor {
		form.agree(f, &wrong)
	}
	return wrong
}

// Wrong says what is wrong with what was typed: of a new entry if f is nil, else
// as a correction of f.
func (form FilmedForm) Wrong(f *Filmed, now time.Time) fault.Fields {
	var entry Filmed
	if f != nil {
		entry = *f
	}
	return form.read(&entry, now)
}

// agree takes the words in that were agreed to. Those of before a correction
// stay, whatever is in force now.
func (form FilmedForm) agree(f *Filmed, wrong *fault.Fields) {
	inForce := FilmedConsents()[0]
	if f.Minor {
		inForce = FilmedConsents()[1]
	}
	switch {
	case f.Kind == inForce.Kind && slices.Contains(form.Agreed, f.Agreement()):
	case slices.Contains(form.Agreed, inForce.Agreement()):
		f.Kind, f.Version, f.Wording = inForce.Kind, inForce.Version, inForce.Wording
	case slices.ContainsFunc(form.Agreed, func(a string) bool { return strings.HasPrefix(a, inForce.Kind+"@") }):
		wrong.Add("agreed_"+form.Age, "register.agreed.changed")
	default:
		wrong.Add("agreed_"+form.Age, "register.agreed.empty")
	}
}

// oneLine is a name as it was typed, or says what is wrong with it.
func oneLine(wrong *fault.Fields, field, typed string) string {
	s := strings.TrimSpace(strings.Map(visible, typed))
	switch {
	case !utf8.ValidString(typed) || strings.ContainsRune(typed, utf8.RuneError):
		wrong.Add(field, "register.encoding")
	case strings.ContainsAny(s, "<>") || strings.ContainsFunc(s, unicode.IsControl):
		wrong.Add(field, "register.control")
	case utf8.RuneCountInString(s) > MaxName:
		wrong.Add(field, "register.long", "Max", MaxName)
	default:
		return s
	}
	return ""
}

// pastDay is a day as it was typed, up to today in Rome, or says what is wrong
// with it.
func pastDay(wrong *fault.Fields, field, typed string, now time.Time) string {
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(typed))
	switch {
	case strings.TrimSpace(typed) == "":
		wrong.Add(field, "register.day.empty")
	case err != nil:
		wrong.Add(field, "register.day.form")
	case day.Format(time.DateOnly) > Today(now):
		wrong.Add(field, "register.day.future")
	case day.Year() < 1990:
		wrong.Add(field, "register.day.old")
	default:
		return day.Format(time.DateOnly)
	}
	return ""
}

// Today is the day in Rome at a moment, as YYYY-MM-DD.
func Today(now time.Time) string {
	if zone, err := time.LoadLocation("Europe/Rome"); err == nil { // it is: time/tzdata is built in
		now = now.In(zone)
	}
	return now.Format(time.DateOnly)
}

// ConsentWithdrawal is how a person who is filmed takes the consent back.
type ConsentWithdrawal struct {
	On  string // the day on which the person said so
	Why string // what the person said, if anything: it stays in the register

	Withdrawal // of the testimony, where it was approved: it names nobody
}

func (w *ConsentWithdrawal) check(now time.Time) (wrong fault.Fields) {
	w.On = pastDay(&wrong, "on", w.On, now)
	w.Why = strings.TrimSpace(strings.Map(visible, normalLines(w.Why)))
	switch {
	case !utf8.ValidString(w.Why):
		wrong.Add("why", "register.encoding")
	case utf8.RuneCountInString(w.Why) > maxWhy:
		wrong.Add("why", "register.long", "Max", maxWhy)
	}
	return wrong
}

// NeedsOtherVideo tells whether the video cannot be published as it is, because
// somebody in it took the consent back.
func (t *Testimony) NeedsOtherVideo() bool {
	return t.ConsentLostAt != nil && t.State.Editable() && (t.Video == nil || !t.Video.ReceivedAt.After(*t.ConsentLostAt))
}
