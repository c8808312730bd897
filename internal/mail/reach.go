package mail

import (
	"context"
	"errors"
	"fmt"
)

// Reach connects to the mail server, greets it and signs in, and sends nothing.
func (o *Outbox) Reach(ctx context.Context) error {
	if o.Keeps() {
		return errors.New("there is no mail server: messages are kept")
	}
	client, err := o.client()
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	return client.Close()
}
