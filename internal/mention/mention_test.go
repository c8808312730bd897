package mention_test

import (
	"slices"
	"testing"

	"github.com/voci-in-comune/voci/internal/mention"
)

func TestNamesInATextAreFound(t *testing.T) {
	names := []string{"Pinasca", "Inverso Pinasca", "San Mauro Torinese", "Agliè", "Sant'Ambrogio di Torino", "Torino", "Ala di Stura", "None"}
	known := mention.New(names)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Il sindaco di Agliè", []string{"Agliè"}},
		{"AGLIE' resiste", []string{"Agliè"}},
		{"I mascheroni di agliesi", nil}, // no whole word
		{"Inverso Pinasca: i volontari", []string{"Inverso Pinasca"}},
		{"Inverso Pinasca e Pinasca insieme", []string{"Pinasca", "Inverso Pinasca"}},
		{"S. Mauro Torinese", []string{"San Mauro Torinese"}},
		{"S.Mauro T.se", nil},
		{"Sant’Ambrogio di Torino", []string{"Sant'Ambrogio di Torino"}}, // not Torino
		{"s. ambrogio di torino", []string{"Sant'Ambrogio di Torino"}},
		{"comune_di_ala_di_stura", []string{"Ala di Stura"}},
		{"", nil},
	} {
		var got []string
		for _, i := range known.In(c.text) {
			got = append(got, names[i])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q mentions %q, want %q", c.text, got, c.want)
		}
	}
	if got := mention.New([]string{""}).In("tutto"); got != nil {
		t.Errorf("an empty name is mentioned: %v", got)
	}
}
