package site

import "github.com/labstack/echo/v4"

// Routes is the table of contents of the site.
func (s *Site) Routes(e *echo.Echo) {
	kept := s.Cache.Wrap

	e.GET("/", s.home, kept)
	e.GET("/testimonianze", s.testimonies, kept)
	e.GET("/testimonianze/:id", s.testimony, kept)
	e.GET("/testimonianze/:id/trascrizione", s.transcript, kept)
	e.GET("/testimonianze/:id/:file", s.file)
	e.GET("/v/:ref", s.short)
	e.GET("/incorpora/testimonianze/:ref", s.embed, s.framed, kept)

	e.GET("/comuni", s.municipalities, kept)
	e.GET("/comuni/:slug", s.municipality, kept)
	e.GET("/temi/:slug", s.theme, kept)
	e.GET("/zone/:slug", s.zone, kept)
	e.GET("/numeri", s.numbers, kept)

	e.GET("/accessibilita", s.accessibility, kept)
	e.GET("/privacy", s.privacy, kept)
	e.GET("/note-legali", s.legal, kept)

	e.GET("/dati/testimonianze.json", s.data, kept)
	e.GET("/robots.txt", robots)
	e.GET("/favicon.ico", favicon)
}
