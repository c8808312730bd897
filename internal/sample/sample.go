// Package sample makes testimonies to try the portal with: fictional offices
// reading sample texts, in videos drawn by ffmpeg, marked as samples wherever
// they are shown. No real person ever says anything here.
package sample

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/upload"
)

// actor is who samples are made by, in the trail.
const actor = "voci demo"

// Text is one sample.
type Text struct {
	Municipality string // slug
	Role         string
	Title        string
	Description  string
	Language     string
	Themes       []string // slugs
	Tags         string
	Colours      [2]string // of the picture, as ffmpeg writes them
	Seconds      int
}

const note = "Testo di esempio: non è la dichiarazione di nessuno."

// Texts are the samples, for small and large places of many zones.
func Texts() []Text {
	return []Text{
		{"balme", "Sindaca di Balme (esempio)", "La spesa sale fino all'ultima borgata", "I volontari portano la spesa a chi vive nelle borgate più alte. " + note, "it", []string{"solidarieta", "alimenti-e-mascherine"}, "montagna, borgate", [2]string{"0x0b3d66", "0x56b4e9"}, 9},
		{"ceresole-reale", "Sindaco di Ceresole Reale (esempio)", "Un telefono che risponde, anche d'inverno", "Un numero di telefono, due ore al giorno, per chi si sente solo. " + note, "it", []string{"sostegno-psicologico"}, "ascolto, inverno", [2]string{"0x3d2b56", "0xcc79a7"}, 8},
		{"ivrea", "Sindaca di Ivrea (esempio)", "La biblioteca apre di sera per chi studia", "Tre sere alla settimana le sale restano aperte. " + note, "it", []string{"spazi-per-i-giovani"}, "biblioteca, studio", [2]string{"0x07324a", "0x56b4e9"}, 10},
		{"pinerolo", "Sindaco di Pinerolo (esempio)", "Buoni spesa: come si chiedono in cinque minuti", "Che cosa serve, dove si va, chi aiuta a compilare il modulo. " + note, "it", []string{"sostegno-persone-in-difficolta", "alimenti-e-mascherine"}, "buoni spesa, sportello", [2]string{"0x4a1f00", "0xd55e00"}, 12},
		{"susa", "Sindaca di Susa (esempio)", "Cento volontari per la valle", "Chi sono, che cosa fanno, come ci si unisce a loro. " + note, "it", []string{"volontariato"}, "val Susa", [2]string{"0x4a3500", "0xe69f00"}, 7},
		{"chivasso", "Sindaco di Chivasso (esempio)", "Mascherine cucite in casa, consegnate in bicicletta", "La sartoria sociale e i ciclisti della domenica. " + note, "it", []string{"alimenti-e-mascherine", "volontariato"}, "sartoria", [2]string{"0x003d2b", "0x009e73"}, 9},
		{"carmagnola", "Sindaca di Carmagnola (esempio)", "Il campo da gioco che hanno voluto i ragazzi", "Dal disegno in classe al primo torneo. " + note, "it", []string{"spazi-per-i-giovani", "solidarieta"}, "sport, scuola", [2]string{"0x06324a", "0x0072b2"}, 8},
		{"lanzo-torinese", "Sindaco di Lanzo Torinese (esempio)", "Nessuno mangia da solo la domenica", "Il pranzo condiviso, anche a distanza. " + note, "it", []string{"solidarieta"}, "anziani", [2]string{"0x06283d", "0x0072b2"}, 11},
		{"moncalieri", "Sindaca di Moncalieri (esempio)", "Uno psicologo di quartiere", "Come si prenota il primo colloquio, gratuito. " + note, "it", []string{"sostegno-psicologico", "sostegno-persone-in-difficolta"}, "salute", [2]string{"0x42203a", "0xcc79a7"}, 9},
		{"torre-pellice", "Maire de Torre Pellice (exemple)", "Deux langues pour dire merci", "Un texte d'exemple lu en français. " + note, "fr", []string{"solidarieta"}, "français, Val Pellice", [2]string{"0x052b45", "0x0072b2"}, 6},
		{"chieri", "Sindaco di Chieri (esempio)", "Il magazzino del buon vicino", "Si porta ciò che avanza, si prende ciò che serve. " + note, "it", []string{"alimenti-e-mascherine", "sostegno-persone-in-difficolta"}, "riuso", [2]string{"0x00382a", "0x009e73"}, 10},
		{"valprato-soana", "Sindaca di Valprato Soana (esempio)", "Ël paìs ch'a scota", "Un test d'esempi an piemontèis. " + note, "pms", []string{"volontariato", "solidarieta"}, "piemontèis", [2]string{"0x473000", "0xe69f00"}, 7},
	}
}

// Maker makes samples through the same doors as town halls and staff.
type Maker struct {
	ffmpeg      string
	registry    *territory.Registry
	testimonies *testimony.Store
	uploads     *upload.Receiver
}

// NewMaker makes a Maker; ffmpeg is the program's path.
func NewMaker(ffmpeg string, registry *territory.Registry, testimonies *testimony.Store, uploads *upload.Receiver) *Maker {
	return &Maker{ffmpeg: ffmpeg, registry: registry, testimonies: testimonies, uploads: uploads}
}

// Make makes sure that a sample is there and that review was asked for. It
// returns its id, and whether there was anything left to do. What an earlier call made, whole or in part, is gone on with
// and not made twice; one that was withdrawn or rejected is made anew. The file
// is looked at by the portal's jobs; Approve is for afterwards.
func (m *Maker) Make(ctx context.Context, t Text) (id int64, done bool, err error) {
	mun, err := m.registry.BySlug(t.Municipality)
	if err != nil {
		return 0, false, err
	}
	made, err := m.find(ctx, mun.IstatCode, t)
	if err != nil {
		return 0, false, err
	}
	if made == nil {
		if made, err = m.testimonies.Create(ctx, actor, mun.IstatCode, form(t), true); err != nil {
			return 0, false, err
		}
	}
	if made.State != testimony.Draft {
		return made.ID, false, nil
	}
	if made.Video == nil {
		if err := m.send(ctx, mun, made.ID, t); err != nil {
			return 0, false, err
		}
	}
	_, err = m.testimonies.Submit(ctx, actor, mun.IstatCode, made.ID)
	return made.ID, true, err
}

// many is more testimonies than a sample's town hall has where samples are made.
const many = 1000

// find returns the sample that an earlier call made, or nil.
func (m *Maker) find(ctx context.Context, istatCode string, t Text) (*testimony.Testimony, error) {
	all, _, err := m.testimonies.OfMunicipality(ctx, istatCode, 0, many)
	if err != nil {
		return nil, err
	}
	for _, old := range all {
		if old.Sample && old.Title == t.Title && old.State != testimony.Withdrawn && old.State != testimony.Rejected {
			return &old, nil
		}
	}
	return nil, nil
}

func form(t Text) testimony.Form {
	var consents []string
	for _, c := range testimony.Consents() {
		consents = append(consents, c.Kind)
	}
	return testimony.Form{
		Title: t.Title, Description: t.Description, Language: t.Language,
		SpeakerName: "Persona di esempio", SpeakerRole: t.Role, RecordedOn: time.Now().Format(time.DateOnly),
		Themes: t.Themes, Tags: t.Tags + ", esempio", Visibility: string(testimony.Public), Release: consents, Others: string(testimony.OthersNo),
	}
}

// send draws a sample's video and hands it in as its town hall would.
func (m *Maker) send(ctx context.Context, mun territory.Municipality, id int64, t Text) error {
	dir, err := os.MkdirTemp("", "voci-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for a sample: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "esempio.mp4")
	if err := m.draw(ctx, dir, file, mun.Name, t); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open a sample: %w", err)
	}
	defer func() { _ = f.Close() }()
	ctx = account.With(ctx, account.Person{Role: account.Editor, MunicipalityCode: mun.IstatCode})
	if _, err := m.uploads.Stream(ctx, id, "esempio.mp4", "video/mp4", f); err != nil {
		return fmt.Errorf("hand in a sample: %w", err)
	}
	return nil
}

// Approve approves a sample as a moderator would, if it is in review, and
// returns it as it then is. It is for calling until the sample is where it
// should be: while its file is still looked at, nothing changes.
func (m *Maker) Approve(ctx context.Context, id int64) (*testimony.Testimony, error) {
	t, err := m.testimonies.Get(ctx, testimony.Anywhere, id)
	if err != nil {
		return nil, err
	}
	if t.State != testimony.InReview {
		return t, nil
	}
	return m.testimonies.Approve(ctx, actor, id, t.Version)
}

// draw makes the video: a slow gradient, the place, the words "testo di
// esempio", and a soft tone, so that picture and sound are real.
func (m *Maker) draw(ctx context.Context, dir, out, place string, t Text) error {
	for name, font := range map[string][]byte{"bold.ttf": gobold.TTF, "regular.ttf": goregular.TTF} {
		if err := os.WriteFile(filepath.Join(dir, name), font, 0o600); err != nil {
			return fmt.Errorf("draw a sample: %w", err)
		}
	}
	// Texts go through files: ffmpeg's filters have an escaping of their own.
	for name, text := range map[string]string{"place": place, "role": t.Role, "note": "Testo di esempio"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("draw a sample: %w", err)
		}
	}
	filter := strings.Join([]string{
		"drawtext=fontfile=bold.ttf:textfile=place:fontcolor=white:shadowcolor=black@0.6:shadowx=3:shadowy=3:fontsize=84:x=(w-text_w)/2:y=h/2-110",
		"drawtext=fontfile=regular.ttf:textfile=role:fontcolor=white:shadowcolor=black@0.6:shadowx=2:shadowy=2:fontsize=40:x=(w-text_w)/2:y=h/2+10",
		"drawtext=fontfile=regular.ttf:textfile=note:fontcolor=white:fontsize=30:box=1:boxcolor=black@0.45:boxborderw=12:x=(w-text_w)/2:y=h-110",
		"format=yuv420p",
	}, ",")
	cmd := exec.CommandContext(ctx, m.ffmpeg, "-v", "error", "-nostdin", "-y", //nolint:gosec // the arguments are those of Texts
		"-f", "lavfi", "-i", fmt.Sprintf("gradients=s=1280x720:r=15:c0=%s:c1=%s:x0=0:y0=0:x1=1280:y1=720:speed=0.01:d=%d", t.Colours[0], t.Colours[1], t.Seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=220:sample_rate=48000:duration=%d", t.Seconds),
		"-vf", filter, "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", "-movflags", "+faststart", "-shortest", out)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("draw a sample: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}
