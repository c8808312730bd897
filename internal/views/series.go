package views

import "slices"

// series adds up curves into lines of totals. What is kept for a day is what
// changed on it, so that a testimony costs its own days only.
type series map[key]*line

// line is one line of totals. Its days are counted from first.
type line struct {
	first       int
	testimonies []int64 // that begin on the day
	gained      []int64
	brought     map[int]int64 // views that adopted ones came with, by day
}

// at makes room for a day and returns its place.
func (l *line) at(day int) int {
	if l.testimonies == nil {
		l.first = day
	}
	if day < l.first {
		room := make([]int64, l.first-day)
		l.testimonies = append(slices.Clone(room), l.testimonies...)
		l.gained = append(room, l.gained...)
		l.first = day
	}
	if more := day - l.first + 1 - len(l.gained); more > 0 {
		room := make([]int64, more)
		l.testimonies = append(l.testimonies, room...)
		l.gained = append(l.gained, room...)
	}
	return day - l.first
}

// count adds a testimony with its curve, in order of days. It counts from the
// day it was published on, or from its first count if that was earlier.
func (s series) count(m member, curve []dailyView) error {
	days := make([]int, len(curve))
	gained := make([]int64, len(curve))
	var before int64
	for i, d := range curve {
		n, err := number(d.Day)
		if err != nil {
			return err
		}
		days[i], gained[i] = n, d.Views-before
		before = d.Views
	}
	return s.countDays(m, days, gained)
}

// countDays is count with days as numbers and what was gained on them.
func (s series) countDays(m member, days []int, gained []int64) error {
	begin := 0
	switch {
	case m.published != "":
		n, err := number(m.published)
		if err != nil {
			return err
		}
		if begin = n; len(days) > 0 {
			begin = min(begin, days[0])
		}
	case len(days) > 0:
		begin = days[0]
	default:
		return nil // published, nobody knows when, and never counted
	}
	for _, k := range m.keys {
		l := s[k]
		if l == nil {
			l = &line{}
			s[k] = l
		}
		l.testimonies[l.at(begin)]++
		if len(days) == 0 {
			continue
		}
		l.at(days[len(days)-1])
		for i, d := range days {
			if i == 0 && m.adopted {
				if l.brought == nil {
					l.brought = map[int]int64{}
				}
				l.brought[d] += gained[i]
				continue
			}
			l.gained[d-l.first] += gained[i]
		}
	}
	return nil
}

// rows turns changes into the totals of each day up to the last.
func (s series) rows(last string) ([]total, error) {
	if len(s) == 0 {
		return nil, nil
	}
	end, err := number(last)
	if err != nil {
		return nil, err
	}
	var rows []total
	for k, l := range s {
		sum := total{Dimension: k.Dimension, Key: k.Key}
		for d := l.first; d <= end; d++ {
			sum.Gained = 0
			if i := d - l.first; i < len(l.gained) {
				sum.Testimonies += l.testimonies[i]
				sum.Gained = l.gained[i]
				sum.Brought += l.brought[d]
				sum.Views += sum.Gained + l.brought[d]
			}
			sum.Day = name(d)
			rows = append(rows, sum)
		}
	}
	return rows, nil
}
