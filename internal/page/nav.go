package page

// Nav is the navigation of each face.
type Nav map[string][]NavItem

// NavItem is a section of a face.
type NavItem struct {
	Key           string // of its name
	Path          string // without language
	Icon          string
	Administrator bool // shown to administrators only

	Href    string // filled in for the request
	Current bool
}

// DefaultNav is the portal's navigation.
var DefaultNav = Nav{
	"site": {
		{Key: "nav.testimonies", Path: "/testimonianze"},
		{Key: "nav.municipalities", Path: "/comuni"},
		{Key: "nav.numbers", Path: "/numeri"},
	},
	"studio": {
		{Key: "nav.my_page", Path: "/comune"},
	},
	"newsroom": {
		{Key: "nav.today", Path: "/redazione"},
		{Key: "nav.review", Path: "/redazione/revisione"},
		{Key: "nav.municipalities", Path: "/redazione/comuni"},
		{Key: "nav.dashboard", Path: "/redazione/cruscotto"},
		{Key: "nav.youtube", Path: "/redazione/youtube", Administrator: true},
	},
}

func (n Nav) items(face, lang, section string, viewer *Viewer) []NavItem {
	if face != "site" && viewer == nil {
		return nil // the door: nothing behind it is open yet
	}
	if face != "site" && viewer.Narrow {
		return nil
	}
	items := make([]NavItem, 0, len(n[face]))
	for _, item := range n[face] {
		if item.Administrator && (viewer == nil || viewer.Role != "administrator") {
			continue
		}
		item.Href = Localize(lang, item.Path)
		item.Current = item.Path == section
		items = append(items, item)
	}
	return items
}
