package newsroom_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/newsroom"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// publicationOf is the publication of a testimony that was approved, and the
// address of its page.
func (w *world) publicationOf(id int64) (publishing.Publication, string) {
	w.t.Helper()
	by, err := w.publisher.Of(w.t.Context(), []int64{id})
	if err != nil {
		w.t.Fatal(err)
	}
	return by[id], "/redazione/youtube/pubblicazioni/" + strconv.FormatInt(by[id].ID, 10)
}

func (w *world) approvedOne(change ...func(*testimony.Form)) *testimony.Testimony {
	w.t.Helper()
	said := w.arrived(func(f *testimony.Form) {
		for _, c := range change {
			c(f)
		}
	})
	said, err := w.testimonies.Approve(w.t.Context(), "test", said.ID, said.Version)
	if err != nil {
		w.t.Fatal(err)
	}
	return said
}

func forAll(f *testimony.Form) { f.Visibility = "public" }

func (w *world) connect() {
	w.t.Helper()
	if err := w.channels.ConnectSandbox(w.t.Context(), w.youtube.IssueToken()); err != nil {
		w.t.Fatal(err)
	}
}

// planOf is what a page says of each step of the plan, by its name: its state,
// its notes, its cost.
func (a answer) planOf() map[string]string {
	a.t.Helper()
	rows := map[string]string{}
	for _, li := range find(a.one("ul", "class", "plan"), "li") {
		name := text(find(li, "p", "class", "plan-label")[0])
		rows[name] = strings.TrimSpace(strings.TrimPrefix(text(li), name))
		if len(find(li, "svg")) != 1 {
			a.t.Errorf("%s has no icon", name)
		}
	}
	return rows
}

// stage is one in the life of a publication, and what its page says then.
type stage struct {
	name   string
	change func()
	plan   map[string]string
	says   []string
}

// stages are the life of the publication of an approved testimony, one after
// the other.
func (w *world) stages(pub publishing.Publication) []stage {
	set := func(sql string, args ...any) {
		w.t.Helper()
		w.exec(`UPDATE publications SET `+sql+` WHERE id = ?`, append(args, pub.ID)...)
	}
	return []stage{
		{"in the queue", func() {}, map[string]string{
			"Caricamento":                          "in attesa In coda per il canale. 1 invio",
			"Elaborazione di YouTube":              "non ancora",
			"Controllo della visibilità":           "non ancora",
			"Titolo, descrizione, tag e lingua":    "non ancora Parte insieme al video.",
			"Copertina":                            "non ancora 50 unità",
			"Playlist: Solidarietà":                "non ancora 51 unità",
			"Playlist: Volontariato":               "non ancora 51 unità",
			"Playlist: Ciriacese e Valli di Lanzo": "non ancora 51 unità",
		}, []string{"Parte oggi: è il prossimo.", "Per finire servono un invio e 203 unità. Oggi restano: invii 100, unità 9.999.", "In coda per YouTube", "Pubblica a mano"}},
		{"no uploads left", func() {
			w.exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES ('2026-11-24', 'uploads', 100)`)
			set(`until = ?, reason = ?`, youtube.NextReset(w.now), `{"Key":"publishing.quota.uploads","Args":{"Until":"2026-11-25T08:00:00Z"}}`)
		}, map[string]string{
			"Caricamento": "in attesa I caricamenti su YouTube di oggi sono finiti: si riparte da solo domani alle 09:00. 1 invio",
		}, []string{"Parte domani dalle 09:00.", "Oggi restano: invii 0"}},
		{"on its way", func() {
			set(`state = 'sending', session_sealed = x'00', session_total = 40000000, stored_bytes = 10000000, until = NULL, reason = ''`)
		}, map[string]string{"Caricamento": "in corso 10 MB di 40 MB (25 %)"}, nil},
		{"processed there", func() {
			set(`state = 'processing', session_sealed = NULL, youtube_id = 'abcdefghijk', uploaded_at = ?, seen_at = ?, next_poll_at = ?, since = ?`,
				w.now, w.now.Add(5*time.Minute), w.now.Add(10*time.Minute), w.now)
			w.exec(`UPDATE publication_steps SET had = wanted, state = 'done' WHERE kind IN ('privacy', 'words')`)
		}, map[string]string{
			"Caricamento":             "fatto Arrivato oggi alle 12:00.",
			"Elaborazione di YouTube": "in corso Cominciata oggi alle 12:00. Ultimo controllo oggi alle 12:05. Prossimo controllo oggi alle 12:10.",
			"Copertina":               "non ancora 50 unità", "Titolo, descrizione, tag e lingua": "fatto",
		}, []string{"Per finire servono 203 unità."}},
		{"refused", func() { set(`state = 'blocked', reason = '{"Key":"publishing.failed.codec"}'`) }, map[string]string{
			"Elaborazione di YouTube": "serve un intervento YouTube non legge il formato del video. Chiedi al Comune un altro file. Cominciata oggi alle 12:00. Ultimo controllo oggi alle 12:05.",
		}, []string{"Aspetta una persona.", "Riprova", "Rimanda al Comune"}},
		{"it has its day", func() {
			set(`state = 'processing', reason = ?, until = ?, publish_at = ?, processed_at = ?, wanted_privacy = 'public'`,
				`{"Key":"publishing.scheduled","Args":{"Until":"x"}}`, w.now.Add(20*time.Hour), w.now.Add(20*time.Hour), w.now)
		}, map[string]string{
			"Elaborazione di YouTube":    "fatto Finita oggi alle 12:00.",
			"Controllo della visibilità": "in attesa È pronto: YouTube lo rende pubblico domani alle 08:00. Ultimo controllo oggi alle 12:05.",
			"Copertina":                  "in attesa 50 unità",
		}, []string{"Esce domani dalle 08:00."}},
		{"other than asked", func() {
			set(`state = 'blocked', reason = '{"Key":"publishing.privacy.private"}', until = NULL, publish_at = NULL`)
		}, map[string]string{
			"Controllo della visibilità": "serve un intervento YouTube ha reso privato il video, contro quanto chiesto. Controlla in YouTube Studio le impostazioni del canale e del video, poi premi Riprova. Ultimo controllo oggi alle 12:05.",
		}, nil},
		{"out", func() {
			set(`state = 'public', reason = '', seen_privacy = 'public'`)
			w.exec(`UPDATE publication_steps SET state = 'blocked', reason = '{"Key":"publishing.step.refused.thumbnail","Args":{"Reason":"forbidden"}}' WHERE kind = 'thumbnail'`)
			w.exec(`UPDATE publication_steps SET next_at = ?, reason = '{"Key":"publishing.too_fast","Args":{"Until":"2026-11-24T13:00:00Z"}}' WHERE key LIKE 'zone/%'`, w.now.Add(2*time.Hour))
		}, map[string]string{
			"Controllo della visibilità":           "fatto Su YouTube è pubblico, come chiesto. Ultimo controllo oggi alle 12:05.",
			"Copertina":                            "serve un intervento YouTube non accetta la copertina (forbidden). Di solito il canale va verificato con un numero di telefono su youtube.com/verify; poi premi Riprova. 50 unità",
			"Playlist: Ciriacese e Valli di Lanzo": "in attesa YouTube chiede di rallentare: si riparte da solo oggi alle 14:00. 51 unità",
			"Playlist: Solidarietà":                "in attesa 51 unità",
		}, []string{"È su YouTube.", "Riprova"}},
		{"no units left", func() { w.exec(`UPDATE quota_ledger SET spent = 10000 WHERE bucket = 'units'`) }, map[string]string{
			"Playlist: Solidarietà": "in attesa Le unità di oggi sono finite: si riparte domani dalle 09:00. 51 unità",
		}, nil},
		{"withdrawn", func() {
			set(`state = 'removing', hidden_at = ?, delete_at = ?`, w.now, w.now.AddDate(0, 0, 7))
		}, map[string]string{
			"Reso privato su YouTube": "fatto Reso privato oggi alle 12:00.",
			"Cancellato da YouTube":   "in attesa Ritirato: su YouTube è privato e sarà cancellato il 1º dicembre 2026 alle 12:00.",
		}, nil},
	}
}

// TestThePlanSaysWhereEachStepIs goes with a publication through its life, and
// reads what its page says of each step.
func TestThePlanSaysWhereEachStepIs(t *testing.T) {
	w := open(t)
	w.connect()
	said := w.approvedOne(forAll)
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	for _, now := range w.stages(pub) {
		now.change()
		a := b.get(address).want(http.StatusOK).says(now.says...)
		got := a.planOf()
		for step, want := range now.plan {
			if got[step] != want {
				t.Errorf("%s: %s: %q\nwant %q", now.name, step, got[step], want)
			}
		}
	}
	rows := b.get(address).planOf()
	if len(rows) != 2 || len(b.get(address).find("button", "id", "retry")) != 0 {
		t.Errorf("what is withdrawn still has a plan: %v", rows)
	}
	w.exec(`UPDATE publication_steps SET had = 'in' WHERE key LIKE 'zone/%'`)
	if got := b.get(address).planOf()["Da togliere dalla playlist: Ciriacese e Valli di Lanzo"]; !strings.HasPrefix(got, "in attesa") || !strings.HasSuffix(got, "51 unità") {
		t.Errorf("its entry in a playlist: %q", got)
	}
	for _, crumb := range find(b.get(address).one("nav", "aria-label", "Percorso"), "a") {
		b.get(value(crumb, "href")).want(http.StatusOK) // a moderator may go there
	}
	w.townHall().get(address).want(http.StatusForbidden)
	b.get("/redazione/youtube/pubblicazioni/999").want(http.StatusNotFound)
}

func TestWhatIsBlockedIsTriedAgain(t *testing.T) {
	w := open(t)
	w.connect()
	said := w.approvedOne(forAll)
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	if buttons := b.get(address).find("button", "id", "retry"); len(buttons) != 0 {
		t.Error("there is nothing to try again")
	}
	w.exec(`UPDATE publication_steps SET state = 'blocked', reason = '{"Key":"publishing.step.no_video"}' WHERE publication_id = ? AND kind = 'thumbnail'`, pub.ID)
	b.get(address).says("YouTube dice che il video non c’è più").one("button", "id", "retry")
	b.follow(b.post(address+"/riprova"), address).says("La pubblicazione riparte.").silent("YouTube dice che il video non c’è più")
	b.post(address + "/riprova").want(http.StatusConflict).says("Questa pubblicazione non è più ferma.")
}

// TestTheTrailIsToldInWords also has what a person wrote, and why the portal
// stopped.
func TestTheTrailIsToldInWords(t *testing.T) {
	w := open(t)
	w.connect()
	said := w.arrived(forAll)
	b := w.moderator()
	b.post(reviewPage(said.ID)+"/chiedi", "reason", "Parla più forte")
	w.exec(`UPDATE testimonies SET state = 'in_review' WHERE id = ?`, said.ID)
	b.post(reviewPage(said.ID) + "/approva").want(http.StatusSeeOther)
	pub, address := w.publicationOf(said.ID)
	if err := w.db.Write(t.Context(), func(tx *gorm.DB) error {
		return audit.Write(tx, w.now, audit.Portal, "publication.blocked", "publication", pub.ID,
			map[string]any{"why": fault.Msg("publishing.quota.uploads", "Until", w.now.Add(24*time.Hour))})
	}); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, tr := range find(b.get(address).one("tbody"), "tr") {
		rows = append(rows, text(tr))
	}
	want := []string{
		"oggi alle 12:00 Fermata I caricamenti su YouTube di oggi sono finiti: si riparte da solo domani alle 12:00. Il portale",
		"oggi alle 12:00 In coda per YouTube Il portale",
		"oggi alle 12:00 Approvata " + redact,
		"oggi alle 12:00 Rimandata al Comune «Parla più forte» " + redact,
	}
	if len(rows) < len(want) || !slices.Equal(rows[:len(want)], want) {
		t.Errorf("the trail says\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	b.get("/en"+address).says("Stopped", "tomorrow at 12:00", "The municipality")
}

func TestStaffChooseTheDay(t *testing.T) {
	w := open(t)
	said := w.approvedOne(forAll)
	_, address := w.publicationOf(said.ID)
	b := w.moderator()
	for typed, says := range map[string]string{"2020-01-01T10:00": "La data è già passata", "domani": "Scrivi giorno e ora per intero", "2036-01-01T10:00": "La data è troppo lontana"} {
		a := b.post(address+"/programma", "publish_at", typed).want(http.StatusUnprocessableEntity).says(says)
		if got := value(a.one("input", "name", "publish_at"), "value"); got != typed {
			t.Errorf("typed was %q, shown is %q", typed, got)
		}
	}
	for typed, want := range map[string]string{"2026-12-24T18:00": "2026-12-24 17:00", "2027-07-01T09:30:00": "2027-07-01 07:30"} { // in summer, too
		b.follow(b.post(address+"/programma", "publish_at", typed), address).says("Data salvata.")
		if at := w.said(said.ID).PublishAt; at == nil || at.UTC().Format("2006-01-02 15:04") != want {
			t.Errorf("of %s it comes out %v", typed, at)
		}
	}
	b.post(address+"/programma", "publish_at", "2026-12-25T18:30", "version", "1").want(http.StatusConflict).says("Intanto qualcun altro ha cambiato questa testimonianza")
	b.follow(b.post(address+"/programma", "publish_at", ""), address)
	if at := w.said(said.ID).PublishAt; at != nil {
		t.Errorf("it still comes out %v", at)
	}
	_, hidden := w.publicationOf(w.approvedOne().ID) // for those who have the address: YouTube makes public only
	b.post(hidden+"/programma", "publish_at", "2026-12-24T18:00").want(http.StatusUnprocessableEntity)
}

func TestApprovingForADay(t *testing.T) {
	w := open(t)
	said := w.arrived(forAll)
	b := w.moderator()
	b.get(reviewPage(said.ID)).one("button", "id", "approve-later")
	for typed, says := range map[string]string{"": "Scrivi giorno e ora per intero", "2026-01-01T10:00": "La data è già passata"} {
		a := b.post(reviewPage(said.ID)+"/approva", "programma", "1", "publish_at", typed).want(http.StatusUnprocessableEntity).says(says)
		if got := value(a.one("input", "name", "publish_at"), "value"); got != typed {
			t.Errorf("typed was %q, shown is %q", typed, got)
		}
	}
	b.follow(b.post(reviewPage(said.ID)+"/approva", "programma", "1", "publish_at", "2026-12-24T18:00"), "/redazione/revisione").says("Approvata: esce nel giorno e nell’ora")
	now := w.said(said.ID)
	if now.State != testimony.Approved || now.PublishAt == nil || now.PublishAt.UTC().Format(time.DateTime) != "2026-12-24 17:00:00" {
		t.Errorf("it is %s and comes out %v", now.State, now.PublishAt)
	}
	_, address := w.publicationOf(said.ID)
	b.get(address).says("Esce 24 dicembre 2026 alle 18:00, non prima.")
	b.get(reviewPage(said.ID)).one("a", "href", address)
	if buttons := b.get(reviewPage(w.arrived(nil).ID)).find("button", "id", "approve-later"); len(buttons) != 0 {
		t.Error("what only some see cannot come out at a time")
	}
}

func TestStaffSendAnApprovedTestimonyBack(t *testing.T) {
	w := open(t)
	said := w.approvedOne()
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	b.post(address+"/rimanda", "reason", " ").want(http.StatusUnprocessableEntity).says("Scrivi il motivo")
	w.exec(`UPDATE publications SET state = 'sending', session_sealed = x'00' WHERE id = ?`, pub.ID)
	b.post(address+"/rimanda", "reason", "Il file non si legge").want(http.StatusConflict).says("Il video è già in viaggio verso YouTube")
	w.exec(`UPDATE publications SET state = 'blocked', session_sealed = NULL, reason = '{"Key":"publishing.failed.codec"}' WHERE id = ?`, pub.ID)
	b.follow(b.post(address+"/rimanda", "reason", "Il file non si legge"), address)
	if got := w.said(said.ID); got.State != testimony.ChangesRequested || got.Reason != "Il file non si legge" {
		t.Errorf("it is %s: %q", got.State, got.Reason)
	}
}

// TestThePlanLeadsToTheWithdrawal: there is one way to take a testimony back, at
// every state in which it has a publication.
func TestThePlanLeadsToTheWithdrawal(t *testing.T) {
	w := open(t)
	said := w.approvedOne()
	_, address := w.publicationOf(said.ID)
	b := w.moderator()
	for _, state := range []testimony.State{testimony.Approved, testimony.Published, testimony.ChangesRequested} {
		w.exec("UPDATE testimonies SET state = ? WHERE id = ?", state, said.ID)
		link := value(b.get(address).want(http.StatusOK).one("a", "id", "withdraw"), "href")
		if link != reviewPage(said.ID)+"#withdraw-form" {
			t.Errorf("while %s it leads to %s", state, link)
		}
		b.get(reviewPage(said.ID)).want(http.StatusOK).one("form", "id", "withdraw-form")
	}
	w.exec("UPDATE testimonies SET state = 'withdrawn' WHERE id = ?", said.ID)
	if found := b.get(address).find("a", "id", "withdraw"); len(found) != 0 {
		t.Error("what is withdrawn can be withdrawn")
	}
}

func TestStaffPublishByHand(t *testing.T) {
	vault := t.TempDir()
	w := open(t, func(r *newsroom.Rooms) { r.Vault = vault })
	said := w.approvedOne()
	if err := os.WriteFile(filepath.Join(vault, said.Video.Original), []byte("the film"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.channels.ConnectSandbox(t.Context(), w.youtube.IssueToken()); err != nil {
		t.Fatal(err)
	}
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	a := b.get(address+"/a-mano").want(http.StatusOK).says("Scarica l’originale", said.Title, "solidarietà")
	if got := text(a.one("textarea", "id", "copy-title")); strings.TrimSpace(got) != said.Title {
		t.Errorf("the title to copy is %q", got)
	}
	file := b.get(address + "/originale").want(http.StatusOK)
	if got := file.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="balme-`) || string(file.body) != "the film" {
		t.Errorf("%s: %q", got, file.body)
	}
	b.post(address+"/a-mano", "link", "ciao").want(http.StatusUnprocessableEntity).says("Questo non è il collegamento di un video YouTube")
	b.post(address+"/a-mano", "link", "https://youtu.be/aaaaaaaaaaa").want(http.StatusUnprocessableEntity).says("Il video non c’è sul canale")
	ids, err := w.youtube.Seed(sandbox.SeedVideo{Title: "In Studio", Privacy: "private", Duration: float64(said.Video.DurationMS) / 1000, PublishedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	b.follow(b.post(address+"/a-mano", "link", "https://youtu.be/"+ids[0]), address).says("Video collegato.", "Collegata a mano")
	if got, _ := w.publicationOf(said.ID); got.YoutubeID == nil || *got.YoutubeID != ids[0] || got.Origin != publishing.ByHand || got.ID != pub.ID {
		t.Errorf("publication: %+v", got)
	}
	b.get(address + "/a-mano").want(http.StatusSeeOther)
}

func TestByHandIsOfferedWithoutAChannel(t *testing.T) {
	w := open(t, off)
	w.publisher.Channels = nil
	said := w.approvedOne()
	_, address := w.publicationOf(said.ID)
	b := w.moderator()
	b.get(address + "/a-mano").says("Ho guardato il video")
	b.post(address+"/a-mano", "link", "https://youtu.be/aaaaaaaaaaa").want(http.StatusUnprocessableEntity).says("Il portale non può controllare")
}
