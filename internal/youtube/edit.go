package youtube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	yt "google.golang.org/api/youtube/v3"
)

// UpdateMetadata changes what is said about a video and returns what YouTube
// made of it. An update replaces whole parts, so the video is read first and
// everything that m does not say is sent back as it was. It costs 51 units.
// https://developers.google.com/youtube/v3/docs/videos/update
func (c *Client) UpdateMetadata(ctx context.Context, id string, m Metadata) (Video, error) {
	checked := m
	if checked.Privacy == "" {
		checked.Privacy = Private // "as it is" needs no check
	}
	if err := errors.Join(checked.Validate(), c.ahead(m.PublishAt)); err != nil {
		return Video{}, err
	}
	parts := []string{PartSnippet, PartStatus, PartRecordingDetails}
	return c.edit(ctx, "updating a video", id, parts, func(_, v *yt.Video) error {
		v.Snippet.Title, v.Snippet.Description, v.Snippet.Tags = m.Title, m.Description, m.Tags
		if m.CategoryID != "" {
			v.Snippet.CategoryId = m.CategoryID
		}
		if m.Language != "" {
			v.Snippet.DefaultLanguage = m.Language
		}
		if !m.RecordedOn.IsZero() {
			v.RecordingDetails.RecordingDate = recordingDate(m.RecordedOn)
		}
		v.Status.Embeddable, v.Status.SelfDeclaredMadeForKids = true, false
		if m.Privacy != "" {
			v.Status.PrivacyStatus = string(m.Privacy)
			if !m.PublishAt.IsZero() {
				v.Status.PublishAt = publishTime(m.PublishAt)
			}
		}
		return nil
	})
}

// SetPrivacy changes who may see a video, private ones until publishAt if that
// is not zero, and returns what YouTube made of it. It costs 51 units.
func (c *Client) SetPrivacy(ctx context.Context, id string, p Privacy, publishAt time.Time) (Video, error) {
	if !publishAt.IsZero() && p != Private {
		return Video{}, refuse("invalidPublishAt", "status.publishAt", "only a private video can have a time from which it is public")
	}
	if err := c.ahead(publishAt); err != nil {
		return Video{}, err
	}
	return c.edit(ctx, "changing the privacy of a video", id, []string{PartStatus}, func(_, v *yt.Video) error {
		v.Status.PrivacyStatus, v.Status.PublishAt = string(p), publishTime(publishAt)
		return nil
	})
}

// ahead refuses a time that has passed: YouTube would take it for now, and who
// planned for later is to decide. The error is of ClassTemporary.
func (c *Client) ahead(publishAt time.Time) error {
	if publishAt.IsZero() || publishAt.After(c.now()) {
		return nil
	}
	return refuse(reasonPastTime, "status.publishAt", "the time from which the video is to be public has passed")
}

// Hide makes a video private that is to be deleted, for 50 units. It does not
// read the video first, as a list may leave out one that exists: the rest of its
// status is lost, and ClassNotFound means that it is gone.
func (c *Client) Hide(ctx context.Context, id string) (Video, error) {
	v, err := call(ctx, c, "hiding a video", CostWrite, func() (*yt.Video, error) {
		return c.service.Videos.Update([]string{PartStatus}, &yt.Video{Id: id, Status: &yt.VideoStatus{PrivacyStatus: string(Private)}}).Context(ctx).Do()
	})
	if err != nil {
		return Video{}, err
	}
	return videoOf(v), nil
}

func publishTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// SetLocalizations changes title and description in other languages; an empty
// map takes all away. It costs 51 units. A video without a language of its own
// is refused by us, for one unit: Metadata.Language gives it one.
func (c *Client) SetLocalizations(ctx context.Context, id string, all map[string]Localized) (Video, error) {
	if err := validLocalizations(all); err != nil {
		return Video{}, err
	}
	return c.edit(ctx, "changing the localizations of a video", id, []string{PartLocalizations}, func(old, v *yt.Video) error {
		if len(all) > 0 && (old.Snippet == nil || old.Snippet.DefaultLanguage == "") {
			return noLanguage()
		}
		v.Localizations = localizations(all)
		v.ForceSendFields = append(v.ForceSendFields, "Localizations")
		return nil
	})
}

// Delete removes a video for good, for 50 units. That of one which is not there
// is an *Error of ClassNotFound.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := call(ctx, c, "deleting a video", CostWrite, func() (struct{}, error) {
		return struct{}{}, c.service.Videos.Delete(id).Context(ctx).Do()
	})
	return err
}

// edit reads parts of a video, and the snippet in any case, changes the parts and
// writes them back whole.
func (c *Client) edit(ctx context.Context, doing, id string, parts []string, change func(old, video *yt.Video) error) (Video, error) {
	read := parts
	if !slices.Contains(parts, PartSnippet) {
		read = append(slices.Clone(parts), PartSnippet)
	}
	list, err := call(ctx, c, doing, CostRead, func() (*yt.VideoListResponse, error) {
		return c.service.Videos.List(read).Id(id).Context(ctx).Do()
	})
	if err != nil {
		return Video{}, err
	}
	if len(list.Items) == 0 {
		return Video{}, fmt.Errorf("%s: %w", doing, &Error{
			Status: http.StatusNotFound, Reason: "videoNotFound", Domain: "local", Message: "there is no such video",
		})
	}
	video := writable(list.Items[0], parts, c.now())
	if err := change(list.Items[0], video); err != nil {
		return Video{}, fmt.Errorf("%s: %w", doing, err)
	}
	if s := video.Status; s != nil && s.PrivacyStatus != string(Private) {
		s.PublishAt = "" // allowed with private only
	}
	written, err := call(ctx, c, doing, CostWrite, func() (*yt.Video, error) {
		return c.service.Videos.Update(parts, video).Context(ctx).Do()
	})
	if err != nil {
		return Video{}, err
	}
	return videoOf(written), nil
}

// writable is a copy of the parts of v with all that an update may set, nothing
// that it may not, and nothing left out for being false or empty.
func writable(v *yt.Video, parts []string, now time.Time) *yt.Video {
	out := &yt.Video{Id: v.Id}
	for _, part := range parts {
		switch part {
		case PartSnippet:
			s := v.Snippet
			if s == nil {
				s = &yt.VideoSnippet{}
			}
			out.Snippet = &yt.VideoSnippet{
				Title: s.Title, Description: s.Description, Tags: s.Tags, CategoryId: s.CategoryId,
				DefaultLanguage: s.DefaultLanguage, DefaultAudioLanguage: s.DefaultAudioLanguage,
				ForceSendFields: []string{"Description", "Tags"},
			}
		case PartStatus:
			s := v.Status
			if s == nil {
				s = &yt.VideoStatus{}
			}
			out.Status = &yt.VideoStatus{
				PrivacyStatus: s.PrivacyStatus, License: s.License, Embeddable: s.Embeddable,
				PublicStatsViewable: s.PublicStatsViewable, SelfDeclaredMadeForKids: s.SelfDeclaredMadeForKids,
				ContainsSyntheticMedia: s.ContainsSyntheticMedia,
				ForceSendFields: []string{
					"Embeddable", "PublicStatsViewable", "SelfDeclaredMadeForKids", "ContainsSyntheticMedia",
				},
			}
			// A time that has passed would publish the video at once.
			if at := moment(s.PublishAt); at.After(now) {
				out.Status.PublishAt = s.PublishAt
			}
		case PartLocalizations:
			out.Localizations = v.Localizations
		case PartRecordingDetails:
			out.RecordingDetails = &yt.VideoRecordingDetails{}
			if r := v.RecordingDetails; r != nil {
				*out.RecordingDetails = *r
				out.RecordingDetails.ForceSendFields, out.RecordingDetails.NullFields = nil, nil
			}
		}
	}
	return out
}
