package page_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
)

// gallery is a page with every part, for tests and for eyes.
const gallery = `{{define "title"}}Prova{{end}}{{define "content"}}<div class="container page">
{{template "breadcrumbs" .Page.Crumbs}}
<h1>Trecentosedici Comuni, una voce alla volta</h1>
<p class="lead">I sindaci raccontano in video che cosa fanno le loro comunità.</p>
{{template "cards" .Page.Cards}}
{{template "pagination" .Page.Pagination}}
<h2>Temi</h2><ul class="chips">{{range .Page.Chips}}<li>{{template "chip" .}}</li>{{end}}</ul>
<h2>Numeri</h2><div class="figures">{{range .Page.Figures}}{{template "figure" .}}{{end}}</div>
{{template "line" .Page.Line}}
{{template "bars" .Page.Bars}}
<h2>Mappa</h2>{{hexmap .Page.Map}}
<h2>Stato</h2>{{template "steps" .Page.Steps}}
{{range .Page.Alerts}}{{template "alert" .}}{{end}}
{{template "empty" .Page.Empty}}
<h2>Modulo</h2>
<form method="post" class="page-narrow" action="/prova">
{{template "errors" .Page.Form}}
{{template "input" (field .Page.Form "title" "label" "Titolo" "help" "Come lo diresti a un amico" "required" true "max" 100)}}
{{template "textarea" (field .Page.Form "description" "label" "Descrizione" "max" 5000 "unit" "bytes" "rows" 4)}}
{{template "select" (field .Page.Form "language" "label" "Lingua" "options" .Page.Languages "empty" "Scegli" "required" true)}}
{{template "checks" (field .Page.Form "themes" "label" "Temi" "help" "Da uno a tre" "options" .Page.Options "most" 3 "required" true)}}
{{template "radios" (field .Page.Form "visibility" "label" "Chi può vederlo" "options" .Page.Languages "default" "it" "required" true)}}
{{template "check" (field .Page.Form "release" "label" "" "options" .Page.Consent "required" true)}}
{{template "file" (field .Page.Form "video" "label" "Video" "help" "MP4, MOV o WebM" "accept" "video/*")}}
<button class="btn btn-primary btn-big" type="submit">Invia una testimonianza</button>
</form>
</div>{{end}}`

type galleryView struct {
	Crumbs     []page.Crumb
	Cards      []page.Card
	Pagination page.Pagination
	Chips      []page.Chip
	Figures    []page.Figure
	Line       page.Line
	Bars       page.Bars
	Map        page.HexMap
	Steps      []page.Step
	Alerts     []page.Alert
	Empty      page.Empty
	Form       *page.Form
	Languages  []page.Option
	Options    []page.Option
	Consent    []page.Option
}

func newGallery() galleryView {
	themes := []page.Chip{
		{Name: "Solidarietà", Icon: "solidarity", Hue: "#0072B2", Href: "/temi/solidarieta", Count: 1204},
		{Name: "Sostegno a chi è in difficoltà", Icon: "support", Hue: "#D55E00"},
		{Name: "Alimenti e mascherine", Icon: "food", Hue: "#009E73"},
		{Name: "Volontariato", Icon: "volunteering", Hue: "#E69F00"},
		{Name: "Sostegno psicologico", Icon: "mind", Hue: "#CC79A7"},
		{Name: "Spazi per i giovani", Icon: "young", Hue: "#56B4E9"},
		{Name: "Mai disegnato", Icon: "no-such-icon", Hue: "red; evil"},
	}
	views := int64(1234)
	v := galleryView{
		Crumbs: []page.Crumb{{Label: "Inizio", Href: "/"}, {Label: "Balme"}},
		Cards: []page.Card{
			{
				Href: "/testimonianze/1-balme", Municipality: "Balme", Residents: 110, Zone: "Ciriacese e Valli di Lanzo",
				Speaker: "Gianni Castagneri", Role: "Sindaco", Title: "La legna per chi è solo", Lang: "it", Duration: 125 * time.Second,
				Themes: []page.Chip{{Name: themes[0].Name, Icon: "solidarity", Hue: "#0072B2"}, themes[3]}, Views: &views, ViewsAt: noon.Add(-3 * time.Hour), Sample: true, Eager: true,
			},
			{Href: "/testimonianze/2", Municipality: "San Secondo di Pinerolo", Residents: 1, Zone: "Pinerolese", Speaker: "Anna", Role: "Sindaca", Title: "Une voix", Lang: "fr", Poster: "/manifesti/2.jpg"},
			{Href: "/testimonianze/3", Municipality: "Torino", Residents: 872367, Zone: "Torino", Heading: 3},
		},
		Pagination: page.Pagination{Page: 4, Pages: 12, Total: 140, Path: "/testimonianze", Query: url.Values{"tema": {"volontariato"}}},
		Chips:      themes,
		Steps: []page.Step{
			{Label: fault.Msg("card.duration"), State: page.StepDone, At: noon.Add(-26 * time.Hour)},
			{Label: fault.Msg("nav.review"), State: page.StepCurrent, At: noon, Reason: "Il titolo <b>non</b> va"},
			{Label: fault.Msg("nav.youtube"), State: page.StepWaiting, Note: &fault.Message{Key: "error.until", Args: map[string]any{"When": noon.Add(24 * time.Hour)}}},
			{Label: fault.Msg("nav.numbers"), State: page.StepBlocked},
			{Label: fault.Msg("nav.today"), State: page.StepAhead},
		},
		Alerts: []page.Alert{
			{Kind: "success", Message: fault.Msg("step.state.done")},
			{Kind: "info", Message: fault.Msg("chart.none")},
			{Kind: "warning", Message: fault.Msg("error.what.503")},
			{Kind: "danger", Message: fault.Msg("error.what.500")},
		},
		Empty: page.Empty{Icon: "film", What: fault.Msg("chart.none"), Href: "/comune", Action: fault.Msg("nav.my_page")},
		Form: page.NewForm(url.Values{"title": {`<script>"x"`}, "themes": {"b", "c"}, "language": {"fr"}}, func() error {
			var f fault.Fields
			f.Add("title", "error.form")
			f.Add("themes", "error.what.400")
			return f.Err()
		}()),
		Languages: []page.Option{{Value: "it", Label: "Italiano"}, {Value: "fr", Label: "Français", Lang: "fr"}},
		Consent:   []page.Option{{Value: "1", Label: "Ho il consenso di tutte le persone riprese."}},
	}
	for i, chip := range themes[:4] {
		v.Options = append(v.Options, page.Option{Value: string(rune('a' + i)), Label: chip.Name, Icon: chip.Icon, Hue: chip.Hue})
	}
	for _, key := range []string{"nav.testimonies", "card.themes", "nav.municipalities"} {
		v.Figures = append(v.Figures, page.Figure{Number: "2.247.780", Label: fault.Msg(key), Of: &fault.Message{Key: "pagination.of", Args: map[string]any{"Page": 1, "Pages": 316}}, Spark: page.NewSpark([]int64{1, 4, 3, 9, 12})})
	}
	var points []page.Point
	for i := range 60 {
		points = append(points, page.Point{Day: noon.AddDate(0, 0, i-60), Value: int64(i * i)})
	}
	v.Line = page.NewLine("Visualizzazioni", "Giorno", "Visualizzazioni", points)
	v.Bars = page.NewBars("Per tema", "Tema", "Visualizzazioni", []page.Bar{
		{Label: themes[0].Name, Icon: "solidarity", Hue: "#0072B2", Value: 12345, Href: "/temi/solidarieta"}, {Label: "Altro", Value: 99}, {Label: "Nessuna", Value: 0},
	})
	var hexes []page.Hex
	for row := range 12 {
		for col := range 9 {
			hexes = append(hexes, page.Hex{Col: col, Row: row, Name: "Comune " + string(rune('A'+row)) + string(rune('A'+col)), Href: "/comuni/x", Number: int64((row * col) % 30)})
		}
	}
	v.Map = page.NewHexMap("Testimonianze per Comune", hexes)
	return v
}

func galleryServer(t *testing.T) http.Handler {
	t.Helper()
	p := newPages(t, func(o *page.Options) {
		o.FS = testPage("site/probe", gallery)
		o.Sandbox = true
	})
	e := newEcho(t, p)
	e.GET("/prova", func(c echo.Context) error {
		return p.Render(c, http.StatusOK, "site/probe", page.Frame{Section: "/", Page: newGallery()})
	})
	return p.Front(nil, e)
}

// TestGallery writes the page with every part where VOCI_GALLERY says, with its
// styles, for a browser to take a picture of.
func TestGallery(t *testing.T) {
	front := galleryServer(t)
	w := get(t, front, "/prova")
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if dir := os.Getenv("VOCI_GALLERY"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "index.html"), w.Body.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
