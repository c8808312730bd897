// Package audit keeps the trail of acts: who did what to which thing, written
// by the same transaction that did it, never changed (the database refuses).
package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Portal is the actor of what nobody asked for: the portal's own work.
const Portal = "portal"

// Entry is one act.
type Entry struct {
	ID        int64
	At        time.Time
	Actor     string // such as "municipality 001272, link 4" or "account 1"
	Action    string // a verb with its object, such as "testimony.approve"
	Subject   string // the kind of thing, such as "testimony"
	SubjectID string
	Detail    string // JSON object: before, after, reason
}

// TableName names the table of the trail.
func (Entry) TableName() string { return "audit" }

// Write adds an act to the trail inside tx. detail holds what changed and must
// never hold a secret.
func Write(tx *gorm.DB, at time.Time, actor, action, subject string, id any, detail map[string]any) error {
	text := []byte("{}")
	if len(detail) > 0 {
		var err error
		if text, err = json.Marshal(detail); err != nil {
			return fmt.Errorf("write %s to the audit trail: %w", action, err)
		}
	}
	e := Entry{At: at.UTC(), Actor: actor, Action: action, Subject: subject, SubjectID: fmt.Sprint(id), Detail: string(text)}
	if err := tx.Create(&e).Error; err != nil {
		return fmt.Errorf("write %s to the audit trail: %w", action, err)
	}
	return nil
}

// Of lists the acts on a thing, the oldest first.
func Of(db *gorm.DB, subject string, id any) ([]Entry, error) {
	var acts []Entry
	if err := db.Where("subject = ? AND subject_id = ?", subject, fmt.Sprint(id)).Order("id").Find(&acts).Error; err != nil {
		return nil, fmt.Errorf("read the trail of %s %v: %w", subject, id, err)
	}
	return acts, nil
}
