package territory

// Named returns the municipality that counts and has a name, accents,
// apostrophes and capitals aside; not ok if there is none.
func (r *Registry) Named(name string) (m Municipality, ok bool) {
	i, ok := r.bySlug[fold(name)]
	if !ok || !r.Counts(r.all[i]) {
		return Municipality{}, false
	}
	return r.all[i], true
}
