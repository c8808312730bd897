package studio_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// arrived makes a testimony of Balme whose file has come and, unless state is
// checking, was looked at.
func (w *world) arrived(title string, state testimony.VideoState) *testimony.Testimony {
	w.t.Helper()
	ctx := w.t.Context()
	f := testimony.Form{
		Title: title, Description: "I volontari portano la spesa.", Language: "it", SpeakerName: "Anna Bò", SpeakerRole: "Sindaca",
		Themes: []string{"solidarieta", "volontariato"}, Tags: "montagna, borgate", Visibility: "public", Release: form()["release"],
	}
	said, err := w.testimonies.Create(ctx, "test", balme, f, false)
	if err != nil {
		w.t.Fatal(err)
	}
	id := itoa(said.ID)
	if err := w.testimonies.ReceiveVideo(ctx, testimony.Video{TestimonyID: said.ID, UploadID: id, Original: id, Filename: "spesa.mp4", Bytes: 12_345_678}); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.unseen = nil
	w.mu.Unlock()
	if state == testimony.VideoChecking {
		return w.said(said.ID)
	}
	v := w.said(said.ID).Video
	v.State, v.DurationMS, v.Width, v.Height = state, 102_000, 1280, 720
	if state == testimony.VideoUnusable {
		v.Reason = testimony.Sentence{Message: fault.Msg("video.truncated", "Seconds", 12)}
	}
	if err := w.testimonies.VideoSeen(ctx, v); err != nil {
		w.t.Fatal(err)
	}
	return w.said(said.ID)
}

// submitted is arrived, and waits for a moderator.
func (w *world) submitted(title string) *testimony.Testimony {
	w.t.Helper()
	said := w.arrived(title, testimony.VideoReady)
	w.later(time.Minute)
	if _, err := w.testimonies.Submit(w.t.Context(), "test", balme, said.ID); err != nil {
		w.t.Fatal(err)
	}
	return w.said(said.ID)
}

// approved is submitted, and on its way to the channel.
func (w *world) approved(title string) *testimony.Testimony {
	w.t.Helper()
	said := w.submitted(title)
	w.later(time.Minute)
	if _, err := w.testimonies.Approve(w.t.Context(), "test", said.ID, said.Version); err != nil {
		w.t.Fatal(err)
	}
	return w.said(said.ID)
}

// published is approved, and on the channel.
func (w *world) published(title string) *testimony.Testimony {
	w.t.Helper()
	said := w.approved(title)
	w.later(time.Minute)
	w.exec(`UPDATE publications SET state = 'public', youtube_id = 'abc' || id WHERE testimony_id = ?`, said.ID)
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return w.testimonies.MarkPublished(tx, said.ID) }); err != nil {
		w.t.Fatal(err)
	}
	return w.said(said.ID)
}

// way is what the page's stepper says of a testimony, a line a station.
func (a answer) way(id int64) []string {
	a.t.Helper()
	var lines []string
	for _, li := range find(a.one("li", "id", "testimony-"+itoa(id)), "li", "class", "*") {
		if strings.HasPrefix(attr(li, "class"), "step step-") {
			lines = append(lines, text(li))
		}
	}
	return lines
}

func TestTheWayOfATestimony(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	ahead := []string{"Inviata alla redazione (non ancora)", "Approvata (non ancora)", "Pubblicata (non ancora)", "Vista dalle persone (non ancora)"}
	const at = "oggi alle 12:00"
	said := func(first string) []string { return append([]string{first}, ahead...) }
	reason := "Il titolo non dice di che cosa si parla."
	for name, c := range map[string]struct {
		id    func() int64
		steps []string
		says  []string // on top
	}{
		"a draft without a file": {
			func() int64 { return b.post("/comune/testimonianze", form("title", "Bozza")).made() },
			said("Video ricevuto (in corso) Il video non è ancora arrivato."),
			[]string{"Questa testimonianza è una bozza", "Continua"},
		},
		"a file that is looked at": {
			func() int64 { return w.arrived("In controllo", testimony.VideoChecking).ID },
			said("Video ricevuto (in attesa) " + at + " Lo stiamo controllando: di solito bastano pochi minuti."),
			[]string{"Questa testimonianza è una bozza"},
		},
		"a file that cannot be used": {
			func() int64 { return w.arrived("Troncata", testimony.VideoUnusable).ID },
			said("Video ricevuto (serve un intervento) " + at + " Il file si interrompe dopo 12 secondi: invialo di nuovo."),
			[]string{"Il file si interrompe dopo 12 secondi: invialo di nuovo.", "Invia un altro file"},
		},
		"a draft with its file": {
			func() int64 { return w.arrived("Pronta", testimony.VideoReady).ID },
			said("Video ricevuto (fatto) " + at + " Il video c’è. La testimonianza non è ancora stata inviata per la revisione."),
			[]string{"Questa testimonianza è una bozza"},
		},
		"in review": {
			func() int64 { return w.submitted("In revisione").ID },
			[]string{
				"Video ricevuto (fatto) " + at, "Inviata alla redazione (in attesa) oggi alle 12:01 Ora tocca alla redazione: non devi fare niente.",
				ahead[1], ahead[2], ahead[3],
			},
			nil,
		},
		"sent back": {
			func() int64 {
				s := w.submitted("Tornata")
				if _, err := w.testimonies.RequestChanges(t.Context(), "test", s.ID, s.Version, reason); err != nil {
					t.Fatal(err)
				}
				return s.ID
			},
			[]string{"Video ricevuto (fatto) " + at, "La redazione chiede una modifica (serve un intervento)", ahead[1], ahead[2], ahead[3]},
			[]string{"La redazione ti chiede una modifica", reason, "Correggi e invia di nuovo"},
		},
		"rejected": {
			func() int64 {
				s := w.submitted("Rifiutata")
				if _, err := w.testimonies.Reject(t.Context(), "test", s.ID, s.Version, reason); err != nil {
					t.Fatal(err)
				}
				return s.ID
			},
			[]string{"Video ricevuto (fatto) " + at, "Non sarà pubblicata (conclusa) oggi alle 12:01"},
			[]string{"La redazione non pubblica questa testimonianza", reason},
		},
		"waiting for the channel": {
			func() int64 { return w.approved("In coda").ID },
			[]string{
				"Video ricevuto (fatto) " + at, "Inviata alla redazione (fatto) oggi alle 12:01", "Approvata (fatto) oggi alle 12:02",
				"Pubblicata (in attesa) In coda per il canale.", ahead[3],
			},
			nil,
		},
		"blocked, which is for staff to mend": {
			func() int64 {
				id := w.approved("Ferma").ID
				w.exec(`UPDATE publications SET state = 'blocked', reason = '{"Key":"publishing.unsure"}' WHERE testimony_id = ?`, id)
				return id
			},
			[]string{
				"Video ricevuto (fatto) " + at, "Inviata alla redazione (fatto) oggi alle 12:01", "Approvata (fatto) oggi alle 12:02",
				"Pubblicata (in attesa) Fermo: serve un intervento della redazione.", ahead[3],
			},
			nil,
		},
		"published and watched": {
			func() int64 {
				id := w.published("Pubblicata").ID
				w.exec(`INSERT INTO latest_views (publication_id, taken_at, views) SELECT id, ?, 1234 FROM publications WHERE testimony_id = ?`,
					noon.Add(4*time.Minute).Unix(), id)
				return id
			},
			[]string{
				"Video ricevuto (fatto) " + at, "Inviata alla redazione (fatto) oggi alle 12:01", "Approvata (fatto) oggi alle 12:02",
				"Pubblicata (fatto) oggi alle 12:03", "Vista dalle persone (fatto) oggi alle 12:04 1.234 visualizzazioni su YouTube, dato aggiornato oggi alle 12:04.",
			},
			[]string{"Guardala sul portale"},
		},
		"withdrawn": {
			func() int64 {
				id := w.published("Ritirata").ID
				if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, id, testimony.Withdrawal{Reason: "Era sbagliata"}); err != nil {
					t.Fatal(err)
				}
				return id
			},
			[]string{"Video ricevuto (fatto) " + at, "Ritirata (fatto) oggi alle 12:03 In attesa di essere tolto da YouTube."},
			[]string{"Hai ritirato questa testimonianza", "Era sbagliata"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.later(-w.clock().Sub(noon))
			id := c.id()
			a := b.get("/comune").want(http.StatusOK)
			if diff := cmp.Diff(c.steps, a.way(id)); diff != "" {
				t.Error(diff)
			}
			item := text(a.one("li", "id", "testimony-"+itoa(id)))
			for _, says := range c.says {
				if !strings.Contains(item, says) {
					t.Errorf("it does not say %q: %s", says, item)
				}
			}
			b.get("/comune/testimonianze/" + itoa(id)).want(http.StatusOK)
		})
	}
}

func TestManyTestimoniesTakeAsManyQueriesAsOne(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	w.arrived("Una", testimony.VideoReady)
	w.neighbour("Vicina", groscavallo)
	var queries atomic.Int64
	note := func(*gorm.DB) { queries.Add(1) }
	callbacks := w.db.Reader(t.Context()).Callback()
	for _, err := range []error{
		callbacks.Query().After("gorm:query").Register("count", note), callbacks.Row().After("gorm:row").Register("count", note),
		callbacks.Raw().After("gorm:raw").Register("count", note),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(path string) int64 {
		t.Helper()
		queries.Store(0)
		b.get(path).want(http.StatusOK)
		return queries.Load()
	}
	one := count("/comune")
	for i := range 24 {
		if i%2 == 0 {
			w.published(fmt.Sprintf("Numero %d", i))
		} else {
			b.begin("", b.post("/comune/testimonianze", form()).made(), "x.mp4", 100)
		}
	}
	for i := range 4 { // neighbours that spoke, views of years, people who may act
		w.neighbour("Vicina "+itoa(int64(i)), groscavallo)
		w.exec(`INSERT INTO links (token_hash, municipality_code, created_at, name) VALUES (?, ?, ?, ?)`, []byte{byte(i)}, balme, noon, "Persona "+itoa(int64(i)))
	}
	w.watched(800)
	many := count("/comune")
	if many != one {
		t.Errorf("%d queries for 20 testimonies, %d for one", many, one)
	}
	if most := int64(40); many > most {
		t.Errorf("the page takes %d queries, at most %d are good", many, most)
	}
	t.Logf("the page takes %d queries", many)
	b.get("/comune").says("Pagina 1 di 2", "Numero 22").silent("Numero 0")
	b.get("/comune?pagina=2").says("Pagina 2 di 2", "Numero 0", "Una")
	b.get("/comune?pagina=3").want(http.StatusNotFound)
	b.get("/comune?pagina=nessuna").want(http.StatusOK).says("Pagina 1 di 2")
}

const groscavallo = "001118"

// neighbour publishes a testimony of another municipality.
func (w *world) neighbour(title, municipality string) *testimony.Testimony {
	w.t.Helper()
	said := w.published(title)
	w.exec(`UPDATE testimonies SET municipality_code = ? WHERE id = ?`, municipality, said.ID)
	return w.said(said.ID)
}

// watched writes the views of Balme over the days up to today, as the sync does.
func (w *world) watched(days int) {
	w.t.Helper()
	w.exec(`WITH RECURSIVE n (d) AS (SELECT 1 UNION ALL SELECT d + 1 FROM n WHERE d < ?)
		INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained)
		SELECT 'municipality', ?, date('2026-11-24', '-' || (? - d) || ' days'), 1, d * 3, 3 FROM n`, days, balme, days)
	w.exec(`INSERT INTO sync_runs (started_at, finished_at, asked, answered, calls) VALUES (?, ?, 1, 1, 1)`, w.clock(), w.clock())
}

func TestWhatIsAskedOfTheTownHallStandsOnTop(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	b.get("/comune").want(http.StatusOK).says("Niente da fare adesso.")
	w.submitted("La scuola")
	w.published("La neve")
	b.get("/comune").says("Niente da fare adesso.")
	back := w.submitted("Il forno")
	if _, err := w.testimonies.RequestChanges(t.Context(), "test", back.ID, back.Version, "Manca l’orario."); err != nil {
		t.Fatal(err)
	}
	draft := b.post("/comune/testimonianze", form("title", "")).made()
	lost := w.arrived("Le mascherine", testimony.VideoUnusable)
	for range 21 { // asked also of what is on the second page
		w.published("Un’altra")
	}
	a := b.get("/comune").want(http.StatusOK).silent("Niente da fare adesso.")
	var asked []string
	for _, li := range find(a.one("ul", "class", "asks-list"), "li") {
		link := find(li, "a")[0]
		asked = append(asked, text(li)+" → "+attr(link, "href"))
	}
	at := func(id int64) string { return "/comune/testimonianze/" + itoa(id) }
	want := []string{
		"La redazione ti chiede una modifica «Il forno» Correggi e invia di nuovo → " + at(back.ID),
		"Il file si interrompe dopo 12 secondi: invialo di nuovo. «Le mascherine» Invia un altro file → " + at(lost.ID) + "#video",
		"Questa testimonianza è una bozza Senza titolo Continua → " + at(draft),
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	big := a.find("a", "class", "btn btn-primary btn-big")
	if len(big) != 1 || attr(big[0], "href") != at(back.ID) {
		t.Errorf("%d things are the first to do", len(big))
	}
}

func TestTheTownHallSeesViewsNeighboursAndWhoMayAct(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	b.get("/comune").want(http.StatusOK).says("Qui vedrai le visualizzazioni giorno per giorno", "I Comuni vicini non hanno ancora parlato.",
		"Il collegamento del Comune (quello che stai usando)", "Usato oggi alle 12:00")
	w.watched(3)
	w.neighbour("Il ponte nuovo", groscavallo)
	w.neighbour("Lontana", ivrea)
	w.published("La nostra")
	w.exec(`UPDATE testimonies SET visibility = 'unlisted' WHERE id = ?`, w.neighbour("Riservata", groscavallo).ID)
	w.exec(`INSERT INTO links (token_hash, municipality_code, created_at, name) VALUES (x'01', ?, ?, 'Ufficio stampa')`, balme, noon)
	w.exec(`INSERT INTO links (token_hash, municipality_code, created_at, name, revoked_at) VALUES (x'02', ?, ?, 'Chi non c’è più', ?)`, balme, noon, noon)
	w.exec(`INSERT INTO links (token_hash, municipality_code, created_at, name, expires_at) VALUES (x'03', ?, ?, 'Chi è scaduto', ?)`, balme, noon, noon)
	w.exec(`INSERT INTO links (token_hash, municipality_code, created_at, name) VALUES (x'04', ?, ?, 'Di un altro Comune')`, ivrea, noon)
	a := b.get("/comune").want(http.StatusOK)
	a.says("9 visualizzazioni", "YouTube, aggiornato oggi alle", "Che cosa hanno detto i vicini", "Ufficio stampa Mai usato").
		silent("Chi non c’è più", "Chi è scaduto", "Di un altro Comune")
	section := text(a.one("section", "aria-labelledby", "near"))
	if !strings.Contains(section, "Il ponte nuovo") || strings.Contains(section, "Lontana") || strings.Contains(section, "La nostra") || strings.Contains(section, "Riservata") {
		t.Errorf("its neighbours: %s", section)
	}
	if rows := find(a.one("figure", "data-chart", "line"), "td"); len(rows) != 3 || text(rows[2]) != "9" {
		t.Errorf("the curve's table has %d rows", len(rows))
	}
	for lang, says := range map[string]string{"/en": "What the neighbours said", "/fr": "Ce qu’ont dit les voisins"} {
		b.get(lang + "/comune").want(http.StatusOK).says(says)
	}
}

// everyState makes a testimony of each state, with pictures; named says which.
func (w *world) everyState() {
	w.t.Helper()
	ctx := w.t.Context()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	note := func(name string, said *testimony.Testimony) *testimony.Testimony {
		w.named[name] = said.ID
		w.picture(said)
		return said
	}
	note("view-published", w.published("La spesa sale fino all’ultima borgata"))
	w.exec(`INSERT INTO latest_views (publication_id, taken_at, views) SELECT id, ?, 1234 FROM publications WHERE testimony_id = ?`,
		w.clock().Unix(), w.named["view-published"])
	s := note("view-rejected", w.submitted("La festa patronale del 1998"))
	_, err := w.testimonies.Reject(ctx, "test", s.ID, s.Version, "Nel video si riconoscono dei minori senza il consenso dei genitori.")
	must(err)
	s = note("blocked", w.approved("Un grazie ai volontari della Protezione civile"))
	w.exec(`UPDATE publications SET state = 'sending', session_total = 100, stored_bytes = 43 WHERE testimony_id = ?`, s.ID)
	note("view-review", w.submitted("Il doposcuola riapre il lunedì"))
	s = note("form-changes", w.submitted("La scuola di montagna resta aperta"))
	_, err = w.testimonies.RequestChanges(ctx, "test", s.ID, s.Version, "Il titolo va bene, ma nella descrizione manca il numero di telefono da chiamare.\nPuoi aggiungerlo?")
	must(err)
	note("form-ready", w.arrived("Come si chiede il buono spesa", testimony.VideoReady))
	s = w.arrived("Le mascherine cucite dalle nonne", testimony.VideoUnusable)
	w.named["form-unusable"] = s.ID
	b := w.townHall(balme)
	url := b.begin("", b.post("/comune/testimonianze", form("title", "La biblioteca apre di sera")).made(), "biblioteca.mp4", 100)
	b.tus(http.MethodPatch, url, make([]byte, 63), "Upload-Offset", "0").want(http.StatusNoContent)
}

// picture gives a testimony a poster and something to play.
func (w *world) picture(said *testimony.Testimony) {
	w.t.Helper()
	id := itoa(said.Video.ID)
	for _, name := range []string{id + ".jpg", id + ".mp4"} {
		out, err := exec.CommandContext(w.t.Context(), "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
			"gradients=s=640x360:r=25:c0=0x0b3d66:c1=0x56b4e9:seed="+id+":d=1", "-frames:v", "1", "-pix_fmt", "yuv420p", filepath.Join(w.renditions, name)).CombinedOutput()
		if err != nil {
			w.t.Fatalf("%v: %s", err, out)
		}
	}
	w.exec(`UPDATE videos SET poster = ?, rendition = ? WHERE id = ?`, id+".jpg", id+".mp4", said.Video.ID)
}
