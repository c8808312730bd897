package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Bars is a table whose numbers are also drawn.
type Bars struct {
	Caption string
	Label   string // head of the first column
	Value   string // head of the number's column
	Rows    []Bar
	Hidden  bool // the caption is for screen readers only
}

// Bar is a row of Bars.
type Bar struct {
	Label string
	Href  string // without language; empty: no link
	Icon  string
	Hue   string // #rrggbb; empty: the interface's blue
	Value int64
	Width string // 0 to 100, set by NewBars
}

// NewBars makes a table with bars as long as the largest value asks.
func NewBars(caption, label, value string, rows []Bar) Bars {
	var most int64 = 1
	for _, row := range rows {
		most = max(most, row.Value)
	}
	for i := range rows {
		rows[i].Width = coordinate(100 * float64(max(rows[i].Value, 0)) / float64(most))
	}
	return Bars{Caption: caption, Label: label, Value: value, Rows: rows}
}

// Point is a value at a day.
type Point struct {
	Day   time.Time
	Value int64
}

// Line is a line over time, drawn on the server. The table below it says the
// same to those who do not see it.
type Line struct {
	Caption string
	Label   string // head of the days' column
	Value   string // head of the values' column
	Points  []Point

	Path, Area    string // set by NewLine
	Width, Height int
	LastX, LastY  string
	Ticks         []Tick
	First, Last   time.Time
	Mark          *Mark // set by Marked
}

// Mark is a day from which the values of a Line mean something else.
type Mark struct {
	Day  time.Time
	X    string
	Says fault.Message // below the drawing
	Row  fault.Message // in the table, at the first value that it concerns
}

// MarkedAt tells whether a point is the first that the mark concerns.
func (l Line) MarkedAt(n int) bool {
	return l.Mark != nil && n > 0 && !l.Points[n].Day.Before(l.Mark.Day) && l.Points[n-1].Day.Before(l.Mark.Day)
}

// Marked is the line with a mark, if the line goes over its day.
func (l Line) Marked(m Mark) Line {
	if len(l.Points) == 0 || !spans(l.First, l.Last, m.Day) {
		return l
	}
	m.X = coordinate(m.Day.Sub(l.First).Seconds() / l.Last.Sub(l.First).Seconds() * lineWidth)
	l.Mark = &m
	return l
}

// spans tells whether something changed between the first and the last day.
func spans(first, last, day time.Time) bool { return first.Before(day) && !last.Before(day) }

// Tick is a level of the value axis.
type Tick struct {
	Y     string
	Value int64
}

// The drawing of a line, in units of its own; it scales to the room there is.
const (
	lineWidth  = 640
	lineHeight = 200
	lineTop    = 10 // room for the stroke
)

// NewLine draws points, in order of time.
func NewLine(caption, label, value string, points []Point) Line {
	l := Line{Caption: caption, Label: label, Value: value, Points: points, Width: lineWidth, Height: lineHeight}
	if len(points) == 0 {
		return l
	}
	l.First, l.Last = points[0].Day, points[len(points)-1].Day
	var most int64
	for _, p := range points {
		most = max(most, p.Value)
	}
	step := niceStep(most)
	top := max(int64(math.Ceil(float64(most)/float64(step)))*step, step)
	y := func(v int64) float64 { return lineHeight - float64(max(v, 0))/float64(top)*(lineHeight-lineTop) }
	for v := int64(0); v <= top; v += step {
		l.Ticks = append(l.Ticks, Tick{Y: coordinate(y(v)), Value: v})
	}
	span := l.Last.Sub(l.First).Seconds()
	var path strings.Builder
	for i, p := range points {
		x := float64(lineWidth)
		if span > 0 {
			x = p.Day.Sub(l.First).Seconds() / span * lineWidth
		}
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		l.LastX, l.LastY = coordinate(x), coordinate(y(p.Value))
		fmt.Fprintf(&path, "%s%s %s", verb, l.LastX, l.LastY)
	}
	l.Path = path.String()
	if span > 0 {
		l.Area = l.Path + fmt.Sprintf("L%d %dL0 %dZ", lineWidth, lineHeight, lineHeight)
	}
	return l
}

// Spark is a small line without axes, beside a number that says the same.
type Spark struct {
	Path string
	Mark string // where a mark stands, empty without one
}

// Marked is the small line with a mark before one of its count values.
func (s Spark) Marked(before, count int) Spark {
	if s.Path != "" && before > 0 && before < count {
		s.Mark = coordinate((float64(before) - 0.5) / float64(count-1) * 100)
	}
	return s
}

// NewSpark draws values from left to right in 100 by 24.
func NewSpark(values []int64) Spark {
	if len(values) < 2 {
		return Spark{}
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	var b strings.Builder
	for i, v := range values {
		x := float64(i) / float64(len(values)-1) * 100
		y := 12.0
		if high > low {
			y = 22 - float64(v-low)/float64(high-low)*20
		}
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&b, "%s%s %s", verb, coordinate(x), coordinate(y))
	}
	return Spark{Path: b.String()}
}

// niceStep is 1, 2 or 5 times a power of ten, so that about four steps reach
// most.
func niceStep(most int64) int64 {
	step := int64(1)
	for {
		for _, factor := range []int64{1, 2, 5} {
			if most <= 4*step*factor || step > math.MaxInt64/100 {
				return step * factor
			}
		}
		step *= 10
	}
}

// coordinate writes a number for svg with at most one decimal.
func coordinate(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}
