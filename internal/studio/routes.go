package studio

import "github.com/labstack/echo/v4"

// Routes is the table of contents of the studio.
func (s *Studio) Routes(e *echo.Echo) {
	e.GET("/entra", s.askLink)
	e.POST("/entra", s.mailLink)
	e.GET("/entra/:token", s.door)
	e.POST("/entra/:token", s.enter)
	e.POST("/esci", s.leave)

	e.GET("/comune", s.home)
	e.GET("/comune/prova", s.showTryout)
	e.POST("/comune/prova", s.tryOut)
	e.POST("/comune/prova/linea", s.timeTryout)
	e.GET("/comune/avvisi", s.notices)
	e.POST("/comune/avvisi", s.chooseNotices)
	e.GET("/comune/testimonianze/nuova", s.newForm)
	e.POST("/comune/testimonianze", s.create)
	e.GET("/comune/testimonianze/:id", s.show)
	e.POST("/comune/testimonianze/:id", s.save)
	e.POST("/comune/testimonianze/:id/invia", s.submit)
	e.POST("/comune/testimonianze/:id/riprendi", s.recall)
	e.POST("/comune/testimonianze/:id/ritira", s.withdraw)
	e.POST("/comune/testimonianze/:id/annulla-invio", s.cancel)
	e.GET("/comune/testimonianze/:id/registra", s.record)
	e.GET("/comune/testimonianze/:id/taglia", s.trimForm)
	e.POST("/comune/testimonianze/:id/taglia", s.trim)
	e.GET("/comune/testimonianze/:id/prova", s.proof)
	s.wording.Routes(e, s.face())          // /comune/testimonianze/:id/modifica, its captions and cover
	s.register.Routes(e, s.registerFace()) // /comune/testimonianze/:id/persone-riprese
	s.press.Routes(e, s.face())            // /comune/testimonianze/:id/stampa, its files
	e.GET("/comune/testimonianze/:id/stato", s.progress)
	e.GET("/comune/testimonianze/:id/poster", s.poster)
	e.GET("/comune/testimonianze/:id/video", s.rendition)

	e.Any("/caricamenti/*", s.receive)
}
