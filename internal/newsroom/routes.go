package newsroom

import "github.com/labstack/echo/v4"

// Routes is the table of contents of the newsroom.
func (n *Newsroom) Routes(e *echo.Echo) {
	e.GET("/redazione", n.today)

	e.GET("/redazione/comuni", n.municipalities)
	e.GET("/redazione/comuni/:code", n.municipality)
	e.POST("/redazione/comuni/:code/link", n.showLink)
	e.POST("/redazione/comuni/:code/sostituisci", n.replaceLink)
	e.POST("/redazione/comuni/:code/manda", n.mailLink)
	e.POST("/redazione/comuni/:code/persone/:link/revoca", n.revokePerson)

	e.GET("/redazione/revisione", n.reviewQueue)
	e.GET("/redazione/revisione/:id", n.review)
	e.GET("/redazione/revisione/:id/poster", n.poster)
	e.GET("/redazione/revisione/:id/video", n.rendition)
	e.POST("/redazione/revisione/:id/approva", n.approve)
	e.POST("/redazione/revisione/:id/chiedi", n.requestChanges)
	e.POST("/redazione/revisione/:id/rifiuta", n.reject)

	n.Wording.Routes(e, n.face())          // /redazione/testimonianze/:id/modifica, its captions and cover
	n.Register.Routes(e, n.registerFace()) // /redazione/testimonianze/:id/persone-riprese
	n.Press.Routes(e, n.face())            // /redazione/testimonianze/:id/stampa, its files
	e.POST("/redazione/testimonianze/:id/ritira", n.withdraw)

	e.GET("/redazione/cruscotto", n.dashboard)

	e.GET("/redazione/youtube", n.channel)
	e.GET("/redazione/youtube/collega", n.connect)
	e.GET("/redazione/youtube/ritorno", n.connected)
	e.POST("/redazione/youtube/verifica", n.checkChannel)
	e.POST("/redazione/youtube/scollega", n.disconnect)
	e.POST("/redazione/youtube/prova", n.rehearse)
	e.GET("/redazione/youtube/differenze", n.differences)
	e.POST("/redazione/youtube/differenze/confronta", n.compareNow)
	e.POST("/redazione/youtube/differenze/:id", n.settleDifference)
	e.GET("/redazione/youtube/adotta", n.adoptable)
	e.POST("/redazione/youtube/adotta", n.adopt)
	e.GET("/redazione/youtube/pubblicazioni/:id", n.publication)
	e.POST("/redazione/youtube/pubblicazioni/:id/riprova", n.retry)
	e.POST("/redazione/youtube/pubblicazioni/:id/programma", n.schedule)
	e.POST("/redazione/youtube/pubblicazioni/:id/rimanda", n.giveBack)
	e.GET("/redazione/youtube/pubblicazioni/:id/a-mano", n.byHand)
	e.POST("/redazione/youtube/pubblicazioni/:id/a-mano", n.takeHand)
	e.GET("/redazione/youtube/pubblicazioni/:id/originale", n.original)

	if n.Outbox.Keeps() {
		e.GET("/posta", n.keptMail)
	}
}
