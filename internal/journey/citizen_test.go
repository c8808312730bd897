package journey

// citizenWatches: a citizen finds the voice on the first page, watches it, reads
// it in English, and is followed by nobody.
func (s *story) citizenWatches() {
	s.t.Helper()
	tab := s.citizen.Tab()
	tab.OpenUntil("/", s.title)
	tab.Sees("Cerca il tuo Comune", "Balme", "Anna Rossi")
	tab.Check()

	tab.OpenUntil("/numeri", "1.234")
	tab.Sees("Comune ascoltato", "di 316", "Per tema", "YouTube, aggiornato oggi alle")
	s.dashboardCounts(tab)
	tab.Check()

	tab.Open("/")
	tab.Press("link", "Balme: "+s.title)
	tab.At("/testimonianze/1-*")
	tab.Sees(s.title, "Telefono 0123 456789.", "Anna Rossi", "Solidarietà", "1.234")
	tab.Check()
	s.plays(tab)
	tab.Press("link", "EN")
	tab.At("/en/testimonianze/1-*")
	tab.Sees(s.title, "Solidarity", "1,234", "Franco-Provençal")
	tab.Check()

	tab.Open("/")
	tab.Write("Cerca il tuo Comune", "Balme")
	tab.Enter()
	tab.At("/comuni/balme")
	tab.Sees("95 abitanti", s.title)
	tab.Check()

	if got := s.citizen.Cookies(); len(got) > 0 {
		s.t.Errorf("the citizen was given cookies: %v", got)
	}
}
