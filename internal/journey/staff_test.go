package journey

import (
	"strings"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// staffGivesLink: the administrator comes in by the console's link, finds the
// municipality and copies its personal link.
func (s *story) staffGivesLink() {
	s.t.Helper()
	s.desk = s.admin.Tab()
	enter(s.desk, s.portal.SignIn, "/redazione")
	s.desk.Sees("Oggi", "316 di 316 Comuni", "Canale di prova: nessun video va su YouTube")
	s.desk.Check()

	s.desk.Write("Cerca un Comune", "balm")
	s.desk.Press("button", "Cerca")
	s.desk.At("/redazione/comuni")
	s.desk.Sees("1 di 316 Comuni")
	s.desk.Check()
	s.desk.Press("link", "Balme")
	s.desk.At("/redazione/comuni/" + balme)
	s.desk.Sees("Non ancora creato")
	s.desk.Check()
	s.desk.Press("button", "Mostra il collegamento")
	s.desk.At("/redazione/comuni/" + balme + "/link")
	s.desk.Press("button", "Copia")
	s.desk.Sees("Copiato.")
	s.desk.Check()

	s.link = s.admin.Clipboard(s.desk)
	if shown := s.desk.Value("Collegamento personale di Balme"); s.link != shown || !strings.HasPrefix(shown, s.line.base+"/entra/") {
		s.t.Fatalf("copied %q of the link %q", s.link, shown)
	}
	if printed := s.portal.Command("link", "--municipality", balme); printed != s.link {
		s.t.Errorf("voci link prints %q, the page shows %q", printed, s.link)
	}
}

// enter goes through a door: opening its address changes nothing, the button
// signs in.
func enter(tab *browser.Tab, link, to string) {
	tab.Open(link)
	tab.Check()
	tab.Press("button", "Entra")
	tab.At(to)
}

// moderatorSendsBack: a moderator watches the testimony and asks for a change,
// not without a reason.
func (s *story) moderatorSendsBack() {
	s.t.Helper()
	s.review = s.moderator.Tab()
	enter(s.review, s.portal.Command("link", "--staff", "redattrice@example.org", "--role", "moderator"), "/redazione")
	s.review.Sees("1 testimonianza aspetta di essere rivista.")
	s.review.Check()
	s.review.Press("link", "Rivedi")
	s.review.At("/redazione/revisione")
	s.review.Check()
	s.review.Press("link", "Balme: "+s.title)
	s.review.At("/redazione/revisione/1")
	s.review.Sees(s.title, s.description, "Anna Rossi, Sindaca", "Solidarietà", "Volontariato", "montagna", digest(s.t, s.film))
	s.review.Check()
	s.plays(s.review)

	s.review.Forgive("status of 422") // deciding without a reason
	s.review.Press("button", "Chiedi modifiche")
	s.review.Sees("Scrivi il motivo: il Comune lo leggerà.")
	s.review.Check()
	s.review.Write("Motivo", s.reason)
	s.review.Press("button", "Chiedi modifiche")
	s.review.Sees("Rimandata al Comune con il tuo motivo.")
	s.review.Check()
}

// plays watches the video of a page: it has a length, it moves, it comes in
// ranges, and it stands upright if it was recorded so.
func (s *story) plays(tab *browser.Tab) {
	s.t.Helper()
	browser.Eval[bool](tab, `(() => { const v = document.querySelector("video"); v.muted = true; v.load(); return v.play().then(() => true); })()`)
	tab.UntilNumber(`document.querySelector("video").currentTime`, func(n float64) bool { return n > 0.2 })
	if n := browser.Eval[float64](tab, `document.querySelector("video").duration`); n < seconds-0.5 || n > seconds+0.5 {
		s.t.Errorf("the video lasts %v s", n)
	}
	upright := browser.Eval[bool](tab, `document.querySelector("video").videoHeight > document.querySelector("video").videoWidth`)
	if upright != s.size.Phone {
		s.t.Errorf("the video stands upright: %v", upright)
	}
	browser.Eval[bool](tab, `(() => { document.querySelector("video").pause(); return true; })()`)
	ranged := browser.Eval[string](tab, `fetch(document.querySelector("video").currentSrc, { headers: { Range: "bytes=100-199" } })
		.then(async (r) => [r.status, r.headers.get("Content-Type"), (await r.arrayBuffer()).byteLength, r.headers.get("X-Content-Type-Options")].join(" "))`)
	if want := "206 video/mp4 100 nosniff"; ranged != want {
		s.t.Errorf("a range of the video: %s, want %s", ranged, want)
	}
}

// moderatorApproves: the change was made, the testimony goes to the channel.
func (s *story) moderatorApproves() {
	s.t.Helper()
	s.review.Open("/redazione/revisione")
	s.review.Press("link", "Balme: "+s.title)
	s.review.Sees("Telefono 0123 456789.")
	s.review.Press("button", "Approva")
	s.review.Sees("Approvata: parte per il canale appena c’è posto.")
	s.review.Check()
}

// videoReachesTheChannel: once, whole, as it was asked for.
func (s *story) videoReachesTheChannel() {
	s.t.Helper()
	s.portal.Until("the video is processed by the channel", func() bool {
		videos := s.portal.Channel().Videos
		return len(videos) > 0 && videos[0].UploadStatus == "processed" && videos[0].Privacy == "public"
	})
	s.hall.OpenUntil("/comune", "Le visualizzazioni arrivano da YouTube ogni ora.")
	s.hall.Check()

	videos := s.portal.Channel().Videos
	if len(videos) != 1 {
		s.t.Fatalf("the channel has %d videos", len(videos))
	}
	v := videos[0]
	if want := digest(s.t, s.film); v.SHA256 != want {
		s.t.Errorf("the channel received %s, the town hall chose %s", v.SHA256, want)
	}
	got := strings.Join([]string{v.Title, v.Privacy, v.DefaultLanguage, v.RecordingDate, strings.Join(v.Tags, ", ")}, " | ")
	want := strings.Join([]string{
		s.title, "public", "frp", "2026-11-20T00:00:00Z", "solidarietà, volontariato, Balme, Ciriacese e Valli di Lanzo, montagna, borgate alte",
	}, " | ")
	if got != want {
		s.t.Errorf("on the channel:\n%s\nwant\n%s", got, want)
	}
	if !strings.HasPrefix(v.Description, s.description) || !strings.Contains(v.Description, "Telefono 0123 456789.") {
		s.t.Errorf("its description: %q", v.Description)
	}
}

// viewsComeBack: the channel counts, the operator does not want to wait.
func (s *story) viewsComeBack() {
	s.t.Helper()
	s.portal.Fail(sandbox.Fault{Name: sandbox.ViewsDown, Views: -1234}) // fewer than none taken are given
	s.portal.Command("sync")
}

// staffReadsTheDashboard: testimonies, views, municipalities heard, the themes.
func (s *story) staffReadsTheDashboard() {
	s.t.Helper()
	s.desk.OpenUntil("/redazione/cruscotto", "1.234")
	s.desk.Sees("Comune ascoltato", "di 316", "Per tema", "YouTube, aggiornato oggi alle", "Ultimo aggiornamento riuscito da YouTube")
	s.dashboardCounts(s.desk)
	s.desk.Until(`document.querySelector("[data-chart] canvas, [data-chart] svg")`)
	s.desk.Check()
}

// dashboardCounts reads the row of a theme that the testimony has, and of one
// that it has not.
func (s *story) dashboardCounts(tab *browser.Tab) {
	s.t.Helper()
	row := func(theme string) string {
		return browser.Eval[string](tab, `[...document.querySelectorAll("tbody tr")].find((r) => r.querySelector("th")?.innerText.trim() === "`+theme+
			`")?.innerText.replace(/\s+/g, " ").trim() ?? ""`)
	}
	for theme, want := range map[string]string{
		"Solidarietà": "Solidarietà 1 1.234 +1.234", "Volontariato": "Volontariato 1 1.234 +1.234", "Alimenti e mascherine": "Alimenti e mascherine 0 0 0",
	} {
		if got := row(theme); !strings.HasPrefix(got, want) {
			s.t.Errorf("the row of a theme: %q, want %q", got, want)
		}
	}
}

// staffChangesTheChannel: the administrator gives the permission back, and
// gives it again on the consent page.
func (s *story) staffChangesTheChannel() {
	s.t.Helper()
	s.desk.Open("/redazione/youtube")
	s.desk.Sees("Funziona")
	s.desk.Check()
	s.desk.Unfold("Scollega il canale")
	s.desk.Press("button", "Scollega adesso")
	s.desk.Sees("Canale scollegato.")
	s.desk.At("/redazione/youtube")
	s.desk.Check()
	if n := s.portal.Channel().Grants; n != 0 {
		s.t.Errorf("the channel still grants %d permissions", n)
	}

	s.desk.MayAsk(s.portal.Google())
	s.desk.Forgive(s.portal.Google() + "/favicon.ico") // the consent page has no picture
	s.desk.PressOn("#connect")
	s.desk.Sees("Canale di prova", "Il portale chiede di usare il canale")
	s.desk.Check()
	s.desk.Press("button", "Consenti")
	s.desk.Sees("Canale collegato.")
	s.desk.At("/redazione/youtube")
	s.desk.Check()

	s.review.Forgive("status of 403")
	if status := s.review.Open("/redazione/youtube"); status != 403 {
		s.t.Errorf("a moderator gets %d at the channel's page", status)
	}
	s.review.Check()
}
