package testimony

import "time"

// Consent is one thing that must be agreed to before a testimony is reviewed,
// with the exact words. Changing the words means a new Version: what was
// accepted stays what it was.
type Consent struct {
	Kind    string
	Version string
	Wording string
}

// Release is a consent given: the exact words, who accepted them and when.
type Release struct {
	ID          int64
	TestimonyID int64
	Kind        string
	Version     string
	Wording     string
	AcceptedAt  time.Time
	AcceptedBy  string
}

// Consents are the ones in force, in the order they are shown. The second
// carries what YouTube's terms of service for API clients, section 9.1, ask to
// be shown beside an upload button, word for word, and in Italian.
// https://developers.google.com/youtube/terms/api-services-terms-of-service
func Consents() []Consent {
	return []Consent{
		{
			Kind: "people", Version: "2026-11",
			Wording: "Chi parla nel video è d'accordo a essere pubblicato. Nessun'altra persona si riconosce nel video " +
				"o nella voce senza aver dato il proprio consenso; per i minori lo hanno dato i genitori o chi ne fa le veci.",
		},
		{
			Kind: "publication", Version: "2026-11",
			Wording: "La Città metropolitana di Torino può pubblicare il video, con il titolo, la descrizione e i tag che ho scritto, " +
				"su questo portale e sul proprio canale YouTube, con la visibilità che ho scelto. Posso ritirarlo quando voglio.",
		},
		{
			Kind: "youtube", Version: "2026-11",
			Wording: "Inviando il video certifico che il suo contenuto rispetta i Termini di servizio di YouTube " +
				"(comprese le Norme della community) all'indirizzo https://www.youtube.com/t/terms e che non viola " +
				"i diritti d'autore o la riservatezza di altri. (By clicking 'upload,' you certify that the content you are " +
				"uploading complies with the YouTube Terms of Service (including the YouTube Community Guidelines) at " +
				"https://www.youtube.com/t/terms. Please be sure not to violate others' copyright or privacy rights.)",
		},
	}
}
