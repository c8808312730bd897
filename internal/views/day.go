package views

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // Europe/Rome also where the machine has no time zones
)

var rome = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic("views: " + err.Error()) // not possible: time/tzdata is built in
	}
	return zone
})

// dayOf is the day in Rome at t, as YYYY-MM-DD. Written so, days sort as text.
func dayOf(t time.Time) string { return t.In(rome()).Format(time.DateOnly) }

// midnight is the first moment in Rome of the day that t is in there.
func midnight(t time.Time) time.Time {
	y, m, d := t.In(rome()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, rome())
}

// number counts days, so that they can be added up. Days have no hours here,
// and summer time does not touch them.
func number(day string) (int, error) {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0, fmt.Errorf("a day in the history: %w", err)
	}
	return int(t.Unix() / secondsOfDay), nil
}

const secondsOfDay = 24 * 60 * 60

// name is the day of a number.
func name(number int) string {
	return time.Unix(int64(number)*secondsOfDay, 0).UTC().Format(time.DateOnly)
}

// between lists the days after one up to and with another.
func between(after, last string) ([]string, error) {
	from, err := number(after)
	if err != nil {
		return nil, err
	}
	to, err := number(last)
	if err != nil {
		return nil, err
	}
	var days []string
	for n := from + 1; n <= to; n++ {
		days = append(days, name(n))
	}
	return days, nil
}
