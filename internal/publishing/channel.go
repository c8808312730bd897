package publishing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Channel is the one channel that the portal publishes on. Its id is pinned:
// a token that leads to another channel is refused.
type Channel struct {
	ID              string
	Title           string
	UploadsPlaylist string
	LongUploads     string // allowed, eligible or disallowed: videos of more than 15 minutes
	Scopes          string
	TokenSealed     []byte // refresh token; nil after disconnecting
	ConnectedAt     time.Time
	ConnectedBy     string
	CheckedAt       *time.Time
	LastSuccessAt   *time.Time
	Trouble         string // key of the sentence that says why it cannot be used; empty if it can
	TroubledAt      *time.Time
	TokenEndsAt     *time.Time // Google said so: the access of an app that is only being tested ends
	PurgedAt        *time.Time // what the terms do not let us keep was deleted
	DisconnectedAt  *time.Time
}

// testingLife is how long Google lets the access of an app live that is in
// testing. https://developers.google.com/identity/protocols/oauth2#expiration
const testingLife = 7 * 24 * time.Hour

// InTesting tells whether the app at Google seems to be in testing: Google said
// when the access ends, or it ended about when that of such apps does.
func (c *Channel) InTesting() bool {
	if c.TokenEndsAt != nil {
		return true
	}
	if c.Trouble != "publishing.trouble.token" || c.TroubledAt == nil {
		return false
	}
	const slack = 24 * time.Hour
	return (c.TroubledAt.Sub(c.ConnectedAt) - testingLife).Abs() < slack
}

// The terms say how long data of the channel may be kept without its consent:
// https://developers.google.com/youtube/terms/developer-policies (III.D, III.E.4)
const (
	keptAfterDisconnecting = 7 * 24 * time.Hour
	keptWithoutToken       = 30 * 24 * time.Hour
)

// PurgeAt is when what YouTube told of the channel is deleted, zero while it may
// be kept.
func (c *Channel) PurgeAt() time.Time {
	switch {
	case c.PurgedAt != nil:
	case c.DisconnectedAt != nil:
		return c.DisconnectedAt.Add(keptAfterDisconnecting)
	case c.Trouble != "" && c.LastSuccessAt != nil:
		return c.LastSuccessAt.Add(keptWithoutToken)
	}
	return time.Time{}
}

// Last returns the channel that was connected last, whether it still is or not,
// or fault.NotFound.
func (c *Channels) Last(ctx context.Context) (*Channel, error) {
	var ch Channel
	found := c.db.Reader(ctx).Order("disconnected_at IS NULL DESC, disconnected_at DESC").Limit(1).Find(&ch)
	if found.Error != nil {
		return nil, fmt.Errorf("read the channels: %w", found.Error)
	}
	if found.RowsAffected == 0 {
		return nil, fault.New(fault.NotFound, "publishing.channel.none")
	}
	return &ch, nil
}

// Channels keeps the connection to the channel.
type Channels struct {
	db       *store.Store
	box      *secret.Box
	oauth    *youtube.OAuth
	settings youtube.Settings
	options  []youtube.Option
	hooks    ChannelHooks
	now      func() time.Time

	mu     sync.Mutex // guards what follows
	of     *Channel   // whom client is of
	client *youtube.Client
}

// ChannelHooks let other rooms take part in a change of the connection, inside
// its transaction.
type ChannelHooks struct {
	Resume   func(tx *gorm.DB) error                                    // it can be used: what waits for it goes on
	Troubled func(tx *gorm.DB, channel string, why fault.Message) error // it cannot any more: tell whoever can help, once
}

// NewChannels makes the room.
func NewChannels(db *store.Store, box *secret.Box, oauth *youtube.OAuth, settings youtube.Settings,
	ledger *Ledger, hooks ChannelHooks, clock func() time.Time, options ...youtube.Option,
) *Channels {
	options = append([]youtube.Option{youtube.WithClock(clock), youtube.WithQuota(ledger.Reserve)}, options...)
	return &Channels{
		db: db, box: box, oauth: oauth, settings: settings, options: options, hooks: hooks,
		now: func() time.Time { return clock().UTC() },
	}
}

// Current returns the connected channel, or fault.NotFound.
func (c *Channels) Current(ctx context.Context) (*Channel, error) {
	var ch Channel
	err := c.db.Reader(ctx).Where("disconnected_at IS NULL").Take(&ch).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "publishing.channel.none")
	}
	if err != nil {
		return nil, fmt.Errorf("read the channel: %w", err)
	}
	return &ch, nil
}

// Known tells whether a channel was ever connected.
func (c *Channels) Known(ctx context.Context) (bool, error) {
	var n int64
	if err := c.db.Reader(ctx).Model(&Channel{}).Count(&n).Error; err != nil {
		return false, fmt.Errorf("read the channels: %w", err)
	}
	return n > 0, nil
}

// Connect makes the channel that a token leads to the portal's. While one is
// connected, another is refused with fault.Conflict: Google's page may have
// chosen the person's own channel.
func (c *Channels) Connect(ctx context.Context, actor string, token *oauth2.Token) error {
	if token.RefreshToken == "" { // the one that is kept works on; this would end in an hour
		return fault.Wrap(youtube.ErrNoRefreshToken, fault.Conflict, "publishing.trouble.scope")
	}
	client, err := c.newClient(token)
	if err != nil {
		return err
	}
	seen, err := client.Channel(ctx)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, troubleOf(err))
	}
	now := c.now()
	ch := Channel{
		ID: seen.ID, Title: seen.Title, UploadsPlaylist: seen.UploadsPlaylist, LongUploads: seen.LongUploads, Scopes: strings.Join(youtube.Scopes(token), " "),
		TokenSealed: c.box.Seal(token.RefreshToken, tokenOf(seen.ID)), ConnectedAt: now, ConnectedBy: actor, CheckedAt: &now, LastSuccessAt: &now,
	}
	if end := youtube.TokenEnd(token); !end.IsZero() {
		ch.TokenEndsAt = &end
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		var old Channel
		err := tx.Where("disconnected_at IS NULL AND id <> ?", ch.ID).Take(&old).Error
		if err == nil {
			return fault.New(fault.Conflict, "publishing.channel.other", "Name", old.Title, "Other", ch.Title)
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&ch).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, now, actor, "channel.connect", "channel", ch.ID, nil); err != nil {
			return err
		}
		return c.hooks.Resume(tx)
	})
	if err != nil {
		return fmt.Errorf("connect the channel: %w", err)
	}
	c.forget()
	return nil
}

// ConnectSandbox connects the channel of the sandbox, where nobody has to
// consent.
func (c *Channels) ConnectSandbox(ctx context.Context, refreshToken string) error {
	return c.Connect(ctx, audit.Portal, &oauth2.Token{RefreshToken: refreshToken})
}

// Check asks YouTube now whose channel the token leads to. It returns nil if
// all is well, after which what waited for the channel goes on; otherwise why
// not, which is also kept as the channel's trouble.
func (c *Channels) Check(ctx context.Context) error {
	client, ch, err := c.open(ctx)
	if err != nil {
		return err
	}
	seen, err := client.Channel(ctx)
	if err == nil && seen.ID != ch.ID {
		err = fault.New(fault.Conflict, "publishing.trouble.wrong_channel", "Name", ch.Title)
	}
	if err != nil {
		if saysNothing(err) {
			return err
		}
		return errors.Join(err, c.Fail(ctx, err))
	}
	now := c.now()
	return c.db.Write(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&Channel{}).Where("id = ? AND disconnected_at IS NULL", ch.ID).Updates(map[string]any{
			"title": seen.Title, "long_uploads": seen.LongUploads, "uploads_playlist": seen.UploadsPlaylist,
			"checked_at": now, "last_success_at": now, "trouble": "", "troubled_at": nil, "purged_at": nil,
		}).Error
		if err != nil || ch.Trouble == "" {
			return err
		}
		return c.hooks.Resume(tx)
	})
}

// saysNothing tells whether a failure is none of the token's: the line is down,
// we were too fast, or the day's quota is used up.
func saysNothing(err error) bool {
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return fault.Of(err) == fault.Unavailable
	}
	switch youtube.ClassOf(err) {
	case youtube.ClassTemporary, youtube.ClassBurst, youtube.ClassUnitsQuota, youtube.ClassUploadsQuota:
		return true
	}
	return false
}

// Fail notes that the channel cannot be used, so that everything stops and
// staff are told once.
func (c *Channels) Fail(ctx context.Context, cause error) error {
	key := troubleOf(cause)
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		var ch Channel
		found := tx.Where("disconnected_at IS NULL").Limit(1).Find(&ch)
		if found.Error != nil || found.RowsAffected == 0 || ch.Trouble == key {
			return found.Error
		}
		values := map[string]any{"trouble": key, "checked_at": c.now()}
		if ch.Trouble == "" {
			values["troubled_at"] = c.now()
		}
		if err := tx.Model(&Channel{}).Where("id = ?", ch.ID).Updates(values).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, c.now(), audit.Portal, "channel.trouble", "channel", ch.ID, map[string]any{"trouble": key}); err != nil {
			return err
		}
		if ch.Trouble != "" {
			return nil // told already
		}
		return c.hooks.Troubled(tx, ch.Title, fault.Msg(key, "Name", ch.Title))
	})
	if err != nil {
		return fmt.Errorf("note the channel's trouble: %w", err)
	}
	// A new look, for instance after a check by hand, must ask Google again.
	c.forget()
	return nil
}

// troubleOf is the key of the sentence that says why the channel cannot be used.
func troubleOf(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Message.Key
	}
	e, ok := errors.AsType[*youtube.Error](err)
	switch {
	case errors.Is(err, youtube.ErrNoRefreshToken), errors.Is(err, youtube.ErrMissingScope):
		return "publishing.trouble.scope"
	case !ok:
		return "publishing.trouble.unreachable"
	}
	switch e.Reason {
	case "noChannel", "youtubeSignupRequired", "authenticatedUserNotChannel":
		return "publishing.trouble.no_channel"
	case "accountClosed", "accountSuspended", "authenticatedUserAccountClosed", "authenticatedUserAccountSuspended":
		return "publishing.trouble.suspended"
	case "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return "publishing.trouble.scope"
	case "accessNotConfigured", "SERVICE_DISABLED", "invalid_client", "unauthorized_client", "deleted_client", "disabled_client":
		return "publishing.trouble.client"
	}
	if c := youtube.ClassOf(err); c == youtube.ClassTemporary || c == youtube.ClassBurst {
		return "publishing.trouble.unreachable"
	}
	return "publishing.trouble.token"
}

// Disconnect revokes the access at Google and forgets the token. If Google
// cannot be reached nothing changes and the error is fault.Unavailable.
func (c *Channels) Disconnect(ctx context.Context, actor string) error {
	ch, err := c.Current(ctx)
	if err != nil {
		return err
	}
	token, err := c.box.Open(ch.TokenSealed, tokenOf(ch.ID))
	if err != nil {
		return err
	}
	if err := c.oauth.Revoke(ctx, token); err != nil {
		return fault.Wrap(err, fault.Unavailable, "publishing.channel.revoke")
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&Channel{}).Where("id = ?", ch.ID).Updates(map[string]any{"token_sealed": nil, "disconnected_at": c.now(), "trouble": ""}).Error
		if err != nil {
			return err
		}
		return audit.Write(tx, c.now(), actor, "channel.disconnect", "channel", ch.ID, nil)
	})
	if err != nil {
		return fmt.Errorf("forget the channel's token: %w", err)
	}
	c.forget()
	return nil
}

// Client opens the connected channel. It returns fault.NotFound if there is
// none and fault.Conflict if it is in trouble.
func (c *Channels) Client(ctx context.Context) (*youtube.Client, *Channel, error) {
	client, ch, err := c.open(ctx)
	if err == nil && ch.Trouble != "" {
		return nil, nil, fault.New(fault.Conflict, ch.Trouble, "Name", ch.Title)
	}
	return client, ch, err
}

// open opens the connected channel, also one in trouble.
func (c *Channels) open(ctx context.Context) (*youtube.Client, *Channel, error) {
	ch, err := c.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil && c.of.ID == ch.ID && c.of.ConnectedAt.Equal(ch.ConnectedAt) {
		return c.client, ch, nil
	}
	token, err := c.box.Open(ch.TokenSealed, tokenOf(ch.ID))
	if err != nil {
		return nil, nil, err
	}
	client, err := c.newClient(&oauth2.Token{RefreshToken: token})
	if err != nil {
		return nil, nil, err
	}
	c.client, c.of = client, ch
	return client, ch, nil
}

// newClient makes a client whose tokens outlive any request.
func (c *Channels) newClient(token *oauth2.Token) (*youtube.Client, error) {
	return youtube.NewClient(c.settings, c.oauth.TokenSource(context.Background(), token), nil, c.options...)
}

func (c *Channels) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client, c.of = nil, nil
}

func tokenOf(channelID string) string { return "refresh token of channel " + channelID }
