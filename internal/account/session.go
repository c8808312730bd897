package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/store"
)

// SessionLife is how long somebody stays signed in.
const SessionLife = 30 * 24 * time.Hour

const (
	sessionLink     = "link"
	sessionHandover = "handover" // the code that a device came in by
	sessionFlash    = "flash"
)

// Sessions remember who is signed in, in the database.
type Sessions struct {
	scs   *scs.SessionManager
	links *Store
}

// NewSessions makes the sessions; secure is for portals whose base address is
// https. Citizens never get a cookie: one is set only at sign-in.
func NewSessions(db *store.Store, links *Store, secure bool) *Sessions {
	m := scs.New()
	m.Store = sessionRows{db}
	m.HashTokenInStore = true
	m.Lifetime = SessionLife
	m.Cookie.Name = CookieName(secure)
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Secure = secure
	m.Cookie.Path = "/"
	return &Sessions{scs: m, links: links}
}

// CookieName is the name of the session cookie: with __Host- a browser takes it
// only from this host over https.
func CookieName(secure bool) string {
	if secure {
		return "__Host-voci"
	}
	return "voci"
}

// Wrap makes sessions available to next, with who acts in the context.
// refuse answers when the session cannot be read.
func (s *Sessions) Wrap(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	s.scs.ErrorFunc = refuse
	return s.scs.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if id := s.scs.GetInt64(ctx, sessionLink); id != 0 {
			p, ok, err := s.links.still(ctx, id, s.scs.GetInt64(ctx, sessionHandover))
			if err != nil {
				refuse(w, r, err)
				return
			}
			if ok {
				r = r.WithContext(With(ctx, p))
			}
		}
		next.ServeHTTP(w, r)
	}))
}

// Begin signs p in. The session's token is changed, so that one planted before
// is worth nothing.
func (s *Sessions) Begin(ctx context.Context, p Person) error {
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	s.scs.Put(ctx, sessionLink, p.LinkID)
	s.scs.Put(ctx, sessionHandover, p.HandoverID)
	return nil
}

// End signs out.
func (s *Sessions) End(ctx context.Context) error {
	if err := s.scs.Destroy(ctx); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// SetFlash keeps a message key for the next page of a signed-in person.
func (s *Sessions) SetFlash(ctx context.Context, key string) { s.scs.Put(ctx, sessionFlash, key) }

// Flash returns and forgets the kept message key.
func (s *Sessions) Flash(ctx context.Context) string { return s.scs.PopString(ctx, sessionFlash) }

// Put keeps a small value for the session, such as the state of a consent.
func (s *Sessions) Put(ctx context.Context, name, value string) { s.scs.Put(ctx, "x."+name, value) }

// Pop returns and forgets a kept value.
func (s *Sessions) Pop(ctx context.Context, name string) string {
	return s.scs.PopString(ctx, "x."+name)
}

// Sweep forgets the sessions that are over.
func (s *Sessions) Sweep(ctx context.Context) error {
	return s.scs.Store.(sessionRows).sweep(ctx)
}

// sessionRows is scs's store on our database.
type sessionRows struct{ db *store.Store }

type sessionRow struct {
	Token  string `gorm:"primaryKey"`
	Data   []byte
	Expiry int64 // seconds since 1970
}

func (sessionRow) TableName() string { return "sessions" }

// FindCtx implements scs.CtxStore.
func (r sessionRows) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var row sessionRow
	err := r.db.Reader(ctx).Where("token = ? AND expiry > ? AND length(data) > 0", token, time.Now().Unix()).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find a session: %w", err)
	}
	return row.Data, true, nil
}

// CommitCtx implements scs.CtxStore.
func (r sessionRows) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return r.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO sessions (token, data, expiry) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry WHERE length(sessions.data) > 0`,
			token, data, expiry.Unix()).Error
	})
}

// DeleteCtx implements scs.CtxStore. The row stays, empty, until it would have
// ended: a request that was under way must not bring the session back.
func (r sessionRows) DeleteCtx(ctx context.Context, token string) error {
	return r.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&sessionRow{}).Where("token = ?", token).Update("data", []byte{}).Error
	})
}

func (r sessionRows) sweep(ctx context.Context) error {
	return r.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Delete(&sessionRow{}, "expiry <= ?", time.Now().Unix()).Error
	})
}

// Find implements scs.Store; the manager uses FindCtx.
func (r sessionRows) Find(token string) ([]byte, bool, error) {
	return r.FindCtx(context.Background(), token)
}

// Commit implements scs.Store; the manager uses CommitCtx.
func (r sessionRows) Commit(token string, data []byte, expiry time.Time) error {
	return r.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store; the manager uses DeleteCtx.
func (r sessionRows) Delete(token string) error { return r.DeleteCtx(context.Background(), token) }
