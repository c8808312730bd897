package studio

import "github.com/labstack/echo/v4"

// Routes is the table of contents of the studio.
func (s *Studio) Routes(e *echo.Echo) {
	e.GET("/entra", s.askLink)
	e.POST("/entra", s.mailLink)
	e.GET("/entra/:token", s.door)
	e.POST("/entra/:token", s.enter)
	e.POST("/esci", s.leave)

	e.GET("/continua", s.askCode)
	e.POST("/continua", s.typeCode)
	e.GET("/continua/:code", s.codeDoor)
	e.POST("/continua/:code", s.enterCode)

	e.GET("/approva/:token", s.toApprove)
	e.POST("/approva/:token", s.answerApproval)
	e.GET("/approva/:token/poster", s.approvalPoster)
	e.GET("/approva/:token/video", s.approvalRendition)

	e.GET("/comune/persone", s.people)
	e.POST("/comune/persone", s.invitePerson)
	e.GET("/comune/persone/:link", s.person)
	e.POST("/comune/persone/:link", s.changePerson)
	e.POST("/comune/persone/:link/sostituisci", s.replacePerson)
	e.POST("/comune/persone/:link/revoca", s.revokePerson)

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
	e.POST("/comune/testimonianze/:id/video", s.sendWhole)
	e.GET("/comune/testimonianze/:id/registra", s.record)
	e.GET("/comune/testimonianze/:id/taglia", s.trimForm)
	e.POST("/comune/testimonianze/:id/taglia", s.trim)
	e.GET("/comune/testimonianze/:id/prova", s.proof)
	s.wording.Routes(e, s.face())          // /comune/testimonianze/:id/modifica, its captions and cover
	s.register.Routes(e, s.registerFace()) // /comune/testimonianze/:id/persone-riprese
	s.press.Routes(e, s.face())            // /comune/testimonianze/:id/stampa, its files
	e.GET("/comune/testimonianze/:id/approvazione", s.approval)
	e.POST("/comune/testimonianze/:id/approvazione", s.askApproval)
	e.POST("/comune/testimonianze/:id/approvazione/ritira", s.takeBackApproval)
	e.GET("/comune/testimonianze/:id/dispositivo", s.device)
	e.POST("/comune/testimonianze/:id/codice", s.newCode)
	e.POST("/comune/testimonianze/:id/dispositivo/:code/chiudi", s.endDevice)
	e.GET("/comune/testimonianze/:id/stato", s.progress)
	e.GET("/comune/testimonianze/:id/poster", s.poster)
	e.GET("/comune/testimonianze/:id/video", s.rendition)

	e.Any("/caricamenti/*", s.receive)
}
