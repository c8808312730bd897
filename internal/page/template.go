package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"text/template/parse"
)

// faces are the folders of web that hold pages, with the layout of each. A page
// that defines a template called "layout" has that instead.
var faces = map[string]string{"site": "citizen", "studio": "office", "newsroom": "office"}

func layoutOf(t *template.Template, face string) string {
	if t.Lookup("layout") != nil {
		return "layout"
	}
	return faces[face]
}

// shelf holds the pages' templates. Each is made when it is first asked for: a
// start that made all would take longer than everything else that it does.
type shelf struct {
	icons  map[string]template.HTML
	shared map[string]func() (map[string]*parse.Tree, error)        // layouts and parts by name: all that stands in the same file
	pages  map[string]map[string]func() (*template.Template, error) // by language, then by name
}

// stock reads what all pages share and which pages there are.
func (p *Pages) stock() (err error) {
	s := &shelf{shared: map[string]func() (map[string]*parse.Tree, error){}, pages: map[string]map[string]func() (*template.Template, error){}}
	if s.icons, err = readIcons(p.opt.FS); err != nil {
		return err
	}
	for _, files := range []string{"layouts/*.html", "parts/*.html"} {
		if err := p.share(s, files); err != nil {
			return err
		}
	}
	for _, lang := range Langs {
		s.pages[lang] = map[string]func() (*template.Template, error){}
	}
	for face := range faces {
		folders, err := fs.ReadDir(p.opt.FS, face)
		if err != nil {
			return fmt.Errorf("read the pages of %s: %w", face, err)
		}
		for _, folder := range folders {
			if !folder.IsDir() {
				continue
			}
			name := path.Join(face, folder.Name())
			for _, lang := range Langs {
				s.pages[lang][name] = sync.OnceValues(func() (*template.Template, error) { return p.parsePage(lang, name) })
			}
		}
	}
	p.shelf = s
	return nil
}

// share puts the templates of files on the shelf, each file to be parsed when one
// of them is first needed.
func (p *Pages) share(s *shelf, files string) error {
	names, err := fs.Glob(p.opt.FS, files)
	if err != nil {
		return fmt.Errorf("read %s: %w", files, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(p.opt.FS, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", files, err)
		}
		parsed := sync.OnceValues(func() (map[string]*parse.Tree, error) {
			t, err := template.New("").Funcs(p.funcs(Italian, s.icons)).Parse(string(text))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			trees := map[string]*parse.Tree{}
			for _, each := range t.Templates() {
				trees[each.Name()] = each.Tree
			}
			return trees, nil
		})
		for _, defined := range defines(string(text)) {
			if s.shared[defined] != nil {
				return fmt.Errorf("%s: %q is defined twice", name, defined)
			}
			s.shared[defined] = parsed
		}
	}
	return nil
}

// defines are the names of the templates that a file defines.
func defines(text string) (names []string) {
	for {
		_, after, found := strings.Cut(text, `{{define "`)
		if !found {
			return names
		}
		name, rest, _ := strings.Cut(after, `"`)
		names, text = append(names, name), rest
	}
}

// template is the page called name in a language.
func (p *Pages) template(lang, name string) (*template.Template, error) {
	made := p.shelf.pages[lang][name]
	if made == nil {
		return nil, fmt.Errorf("there is no page %q", name)
	}
	t, err := made()
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return t, nil
}

// Prepare makes a page in a language before it is asked for.
func (p *Pages) Prepare(lang, name string) error {
	t, err := p.template(lang, name)
	if err != nil {
		return err
	}
	// What comes out where is looked at when a page is first made, and never again.
	var wrong *template.Error
	if err := t.ExecuteTemplate(io.Discard, layoutOf(t, path.Dir(name)), nil); errors.As(err, &wrong) {
		return fmt.Errorf("page %s: %w", name, err)
	}
	return nil // any other error is that there is nothing to show yet
}

// Check makes every page in every language and reads every static file. It fails
// if a page does not parse, or names a sentence, icon, asset or part that does
// not exist.
func (p *Pages) Check() error {
	errs := []error{p.locales.Check(), p.assets.check()}
	for _, parsed := range p.shelf.shared {
		_, err := parsed()
		errs = append(errs, err)
	}
	for _, lang := range Langs {
		for name := range p.shelf.pages[lang] {
			errs = append(errs, p.Prepare(lang, name))
		}
	}
	return errors.Join(errs...)
}

// parsePage reads the templates of a page and adds the shared ones that it
// reaches.
func (p *Pages) parsePage(lang, name string) (*template.Template, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(p.funcs(lang, p.shelf.icons)).ParseFS(p.opt.FS, name+"/*.html")
	if err != nil {
		return nil, err
	}
	if t.Lookup("content") == nil && t.Lookup("layout") == nil {
		return nil, errors.New(`it defines neither "content" nor "layout"`)
	}
	if err := p.addShared(t, layoutOf(t, path.Dir(name))); err != nil {
		return nil, err
	}
	check := checker{t: t, icons: p.shelf.icons, assets: p.assets, locales: p.locales, lang: lang}
	for _, each := range t.Templates() {
		if each.Tree != nil {
			check.node(each.Tree.Root)
		}
	}
	return t, errors.Join(check.errs...)
}

// addShared adds to a page its layout and all layouts and parts that it names,
// directly or through another.
func (p *Pages) addShared(t *template.Template, layout string) error {
	ask := []string{layout}
	for _, each := range t.Templates() {
		if each.Tree != nil {
			ask = append(ask, named(each.Tree.Root)...)
		}
	}
	for len(ask) > 0 {
		name := ask[0]
		ask = ask[1:]
		parsed := p.shelf.shared[name]
		if parsed == nil || t.Lookup(name) != nil {
			continue
		}
		trees, err := parsed()
		if err != nil {
			return err
		}
		tree := trees[name]
		if _, err := t.AddParseTree(name, tree.Copy()); err != nil {
			return err
		}
		ask = append(ask, named(tree.Root)...)
	}
	return nil
}

// named are the templates that a node calls.
func named(n parse.Node) (names []string) {
	walk(n, func(n parse.Node) {
		if call, ok := n.(*parse.TemplateNode); ok {
			names = append(names, call.Name)
		}
	})
	return names
}

// checker finds what templates name and nobody has, before anybody asks for the
// page: sentences, icons, assets, other templates.
type checker struct {
	t       *template.Template
	icons   map[string]template.HTML
	assets  *assets
	locales *Locales
	lang    string
	errs    []error
}

func (c *checker) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) node(n parse.Node) {
	walk(n, func(n parse.Node) {
		switch n := n.(type) {
		case *parse.TemplateNode:
			if c.t.Lookup(n.Name) == nil {
				c.fail("there is no template %q", n.Name)
			}
		case *parse.CommandNode:
			c.command(n)
		}
	})
}

func (c *checker) command(n *parse.CommandNode) {
	name, arg := literalCall(n)
	switch name {
	case "t":
		if !c.locales.Has(c.lang, arg) {
			c.fail("no sentence %q in %q", arg, c.lang)
		}
	case "tOf":
		if !c.locales.hasPrefix(c.lang, arg+".") {
			c.fail("no sentence %q in %q", arg+".…", c.lang)
		}
	case "icon":
		if c.icons[arg] == "" {
			c.fail("there is no icon %q", arg)
		}
	case "asset":
		if c.assets.hashed[arg] == "" && c.assets.files[arg] == nil {
			c.fail("there is no asset %q", arg)
		}
	}
}

// literalCall is a call such as {{t "key" …}} whose first argument is written
// in the template; name is empty for all others.
func literalCall(n *parse.CommandNode) (name, arg string) {
	if len(n.Args) < 2 {
		return "", ""
	}
	id, isName := n.Args[0].(*parse.IdentifierNode)
	text, isText := n.Args[1].(*parse.StringNode)
	if !isName || !isText {
		return "", ""
	}
	return id.Ident, text.Text
}

// walk calls visit for n and every node in it.
func walk(n parse.Node, visit func(parse.Node)) {
	visit(n)
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, each := range n.Nodes {
			walk(each, visit)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			walk(cmd, visit)
		}
	case *parse.CommandNode:
		for _, arg := range n.Args {
			if pipe, ok := arg.(*parse.PipeNode); ok {
				walk(pipe, visit)
			}
		}
	}
}

// readIcons reads the drawings of web/icons, each the inside of an svg of 24 by
// 24, drawn with the colour of the text.
func readIcons(fsys fs.FS) (map[string]template.HTML, error) {
	files, err := fs.Glob(fsys, "icons/*.svg")
	if err != nil {
		return nil, fmt.Errorf("read icons: %w", err)
	}
	icons := map[string]template.HTML{}
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read icons: %w", err)
		}
		_, inside, ok := strings.Cut(string(text), ">")
		inside, _, closed := strings.Cut(inside, "</svg>")
		if !ok || !closed {
			return nil, fmt.Errorf("icon %s is not an svg", file)
		}
		icons[strings.TrimSuffix(path.Base(file), ".svg")] = template.HTML(strings.TrimSpace(inside)) //nolint:gosec // our own drawings
	}
	return icons, nil
}
