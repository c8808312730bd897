package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Press presses the button, link or whatever has this role and name, with a
// finger on a telephone and with the mouse elsewhere. The name may be the whole
// one or, if it is the only such, the beginning of it.
func (tab *Tab) Press(role, name string) {
	tab.t.Helper()
	tab.press(fmt.Sprintf("the %s %q", role, name), func(ctx context.Context) (runtime.RemoteObjectID, error) {
		return tab.named(ctx, role, name)
	})
}

// Has waits until there is something with this role and name.
func (tab *Tab) Has(role, name string) {
	tab.t.Helper()
	tab.until(fmt.Sprintf("find the %s %q", role, name), func() (bool, error) {
		ctx, cancel := context.WithTimeout(tab.ctx, lookTime)
		defer cancel()
		_, err := tab.named(ctx, role, name)
		return err == nil, err
	})
}

// Tick ticks the box, or chooses the button, with this label.
func (tab *Tab) Tick(label string) {
	tab.t.Helper()
	tab.insist(label, labelled(label)+".control.checked")
}

// Write types a text into the field with this label, in place of what it held.
func (tab *Tab) Write(label, text string) {
	tab.t.Helper()
	tab.insist(label, "document.activeElement === "+labelled(label)+".control")
	Eval[chromedp.Void](tab, "document.activeElement.select?.()")
	if text == "" {
		text = kb.Delete
	}
	tab.Keys(text)
}

// insist presses a label until that has had its effect: the page may move under
// the finger, as when something is said above, and people press again.
func (tab *Tab) insist(label, effect string) {
	tab.t.Helper()
	tab.until("get an answer from "+label, func() (bool, error) {
		if had, err := try[bool](tab, effect); had || err != nil {
			return had, err
		}
		tab.press("the label "+label, func(ctx context.Context) (runtime.RemoteObjectID, error) {
			return tab.object(ctx, labelled(label))
		})
		for answer := time.Now().Add(time.Second); time.Now().Before(answer); tab.pause() {
			if had, err := try[bool](tab, effect); had || err != nil {
				return had, err
			}
		}
		return false, nil
	})
}

// Pick chooses an option of the list with this label, by typing its beginning.
func (tab *Tab) Pick(label, option string) {
	tab.t.Helper()
	Eval[chromedp.Void](tab, labelled(label)+".control.focus()")
	tab.Keys(option)
	tab.Until(labelled(label) + ".control.selectedOptions[0].label === " + quote(option))
}

// Value is what the field with this label holds.
func (tab *Tab) Value(label string) string {
	tab.t.Helper()
	return Eval[string](tab, labelled(label)+".control.value")
}

// Ticked tells whether the box with this label is.
func (tab *Tab) Ticked(label string) bool {
	tab.t.Helper()
	return Eval[bool](tab, labelled(label)+".control.checked")
}

// Keys types on the keyboard.
func (tab *Tab) Keys(keys string) {
	tab.t.Helper()
	tab.do("type", chromedp.KeyEvent(keys))
}

// Enter presses the Enter key: as one event, so that what it does at once, such
// as following a link, uses it up.
func (tab *Tab) Enter() {
	tab.t.Helper()
	key := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "Enter", Code: "Enter", Text: kb.Enter, WindowsVirtualKeyCode: 13}
	call(tab, input.DispatchKeyEvent, key)
	key.Type, key.Text = input.DispatchKeyEventTypeKeyUp, ""
	call(tab, input.DispatchKeyEvent, key)
}

// ChooseFile chooses a file of this machine in the field with this label.
func (tab *Tab) ChooseFile(label, path string) {
	tab.t.Helper()
	tab.until("find the field "+label, func() (bool, error) { return try[bool](tab, "Boolean("+labelled(label)+")") })
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	id, err := tab.object(ctx, labelled(label)+".control")
	if err != nil {
		tab.fail("the field %q: %v", label, err)
	}
	call(tab, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, ObjectID: id})
}

// labelled is the expression of the label that says this; of several that begin
// with it, the shortest.
func labelled(text string) string {
	return `[...document.querySelectorAll("label")].filter((l) => l.innerText.trim().startsWith(` + quote(text) +
		`)).sort((a, b) => a.innerText.length - b.innerText.length)[0]`
}

// press waits for something, then presses it.
func (tab *Tab) press(what string, find func(context.Context) (runtime.RemoteObjectID, error)) {
	tab.t.Helper()
	var at point
	tab.until("press "+what, func() (bool, error) {
		ctx, cancel := context.WithTimeout(tab.ctx, lookTime)
		defer cancel()
		id, err := find(ctx)
		if err != nil {
			return false, err
		}
		before := at
		at, err = tab.middle(ctx, id)
		// It must have come to rest: a page that scrolls is pressed elsewhere.
		return err == nil && at.Free && at == before, err
	})
	if tab.person.size.Phone {
		tab.do("tap "+what, chromedp.TapXY(at.X, at.Y))
		return
	}
	tab.do("click "+what, chromedp.MouseClickXY(at.X, at.Y))
}

// point is where something can be pressed.
type point struct {
	X, Y float64
	Free bool // nothing else lies over it, and it can be pressed
}

// middle scrolls something to the middle of the window and returns where to
// press it: the middle of its first line.
const middle = `function () {
	this.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
	const box = this.getClientRects()[0];
	if (!box || !box.width || !box.height || this.disabled) return { X: 0, Y: 0, Free: false };
	const X = box.x + Math.min(box.width / 2, 160), Y = box.y + box.height / 2;
	const top = document.elementFromPoint(X, Y);
	return { X, Y, Free: this.contains(top) || Boolean(top?.contains(this)) || this.control === top || Boolean(top && this.control?.contains(top)) };
}`

func (tab *Tab) middle(ctx context.Context, id runtime.RemoteObjectID) (at point, err error) {
	byValue := true
	r, err := chromedp.Call(ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{FunctionDeclaration: middle, ObjectID: id, ReturnByValue: &byValue})
	if err != nil {
		return at, err
	}
	if r.ExceptionDetails != nil {
		return at, fmt.Errorf("look for its middle: %s", r.ExceptionDetails.Text)
	}
	return at, json.Unmarshal(r.Result.Value, &at)
}

// object finds an element by an expression.
func (tab *Tab) object(ctx context.Context, expression string) (runtime.RemoteObjectID, error) {
	o, err := chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](expression))
	if err != nil {
		return "", err
	}
	if o.ObjectID == "" {
		return "", fmt.Errorf("there is no %s", expression)
	}
	return o.ObjectID, nil
}

// named finds what assistive technology would find by role and name.
func (tab *Tab) named(ctx context.Context, role, name string) (runtime.RemoteObjectID, error) {
	document, err := tab.object(ctx, "document")
	if err != nil {
		return "", err
	}
	found, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: document, Role: role})
	if err != nil {
		return "", err
	}
	var whole, begin []cdp.BackendNodeID
	var names []string
	for _, n := range found.Nodes {
		if n.Ignored || n.Name == nil {
			continue
		}
		var said string
		if err := json.Unmarshal(n.Name.Value, &said); err != nil {
			return "", err
		}
		said = strings.ReplaceAll(strings.Join(strings.Fields(said), " "), " :", ":")
		names = append(names, said)
		if said == name {
			whole = append(whole, n.BackendDOMNodeID)
		}
		if strings.HasPrefix(said, name) {
			begin = append(begin, n.BackendDOMNodeID)
		}
	}
	if len(whole) == 0 {
		whole = begin
	}
	if len(whole) != 1 {
		slices.Sort(names)
		return "", fmt.Errorf("%d of them among %q", len(whole), slices.Compact(names))
	}
	o, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: whole[0]})
	if err != nil {
		return "", err
	}
	return o.Object.ObjectID, nil
}

// Unfold presses the summary that says this, to see what is folded away.
func (tab *Tab) Unfold(summary string) {
	tab.t.Helper()
	tab.press("the summary "+summary, func(ctx context.Context) (runtime.RemoteObjectID, error) {
		return tab.object(ctx, `[...document.querySelectorAll("summary")].find((s) => s.innerText.trim() === `+quote(summary)+`)`)
	})
}

// PressOn presses the element that a selector names.
func (tab *Tab) PressOn(selector string) {
	tab.t.Helper()
	tab.press(selector, func(ctx context.Context) (runtime.RemoteObjectID, error) {
		return tab.object(ctx, "document.querySelector("+quote(selector)+")")
	})
}

// Date chooses a day, written as 2026-11-20, in the field with this label, as
// the calendars do that browsers put in its place.
func (tab *Tab) Date(label, day string) {
	tab.t.Helper()
	Eval[chromedp.Void](tab, `((field, day) => {
		field.focus();
		field.value = day;
		for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
	})(`+labelled(label)+`.control, `+quote(day)+`)`)
}

// Chord presses a key together with Alt and Shift, by its place on the keyboard,
// such as KeyP or ArrowUp.
func (tab *Tab) Chord(code string) {
	tab.t.Helper()
	const altAndShift = 1 | 8 // as the protocol counts them
	key := input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeRawKeyDown, Key: strings.TrimPrefix(code, "Key"), Code: code, Modifiers: altAndShift,
	}
	call(tab, input.DispatchKeyEvent, key)
	key.Type = input.DispatchKeyEventTypeKeyUp
	call(tab, input.DispatchKeyEvent, key)
}

// TabTo goes on with the Tab key to what has this name, at most some dozens of
// stops away.
func (tab *Tab) TabTo(name string) {
	tab.t.Helper()
	const at = `(e => e.ariaLabel || e.labels?.[0]?.textContent || e.textContent)(document.activeElement).replace(/\s+/g, " ").trim()`
	const most = 120
	for range most {
		tab.Keys(kb.Tab)
		if here, err := try[string](tab, at); err == nil && strings.HasPrefix(here, name) {
			return
		}
	}
	tab.fail("the Tab key never comes to %q", name)
}
