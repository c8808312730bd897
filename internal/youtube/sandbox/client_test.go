package sandbox

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/youtube/v3"
)

// google is Google's own client, talking to the sandbox with Google's own OAuth.
func (w *world) google() (*youtube.Service, *http.Client) {
	w.t.Helper()
	config := &oauth2.Config{
		ClientID: "portal", ClientSecret: "s",
		Endpoint: oauth2.Endpoint{AuthURL: w.server.URL + "/o/oauth2/v2/auth", TokenURL: w.server.URL + "/token"},
	}
	client := config.Client(w.t.Context(), &oauth2.Token{RefreshToken: w.box.IssueToken()})
	service, err := youtube.NewService(w.t.Context(), option.WithEndpoint(w.server.URL+"/"), option.WithHTTPClient(client))
	if err != nil {
		w.t.Fatal(err)
	}
	return service, client
}

func TestGooglesClient(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(5000, 61))
	w.pass(48 * time.Hour)
	service, _ := w.google()

	list, err := service.Videos.List([]string{"snippet", "status", "statistics", "contentDetails", "fileDetails", "processingDetails", "recordingDetails"}).Id(id, "nothing").Do()
	if err != nil {
		t.Fatal(err)
	}
	v := list.Items[0]
	if len(list.Items) != 1 || v.Id != id || v.Snippet.Title != "Il sindaco di Usseglio" || len(v.Snippet.Tags) != 2 || v.Statistics.ViewCount == 0 ||
		v.Status.UploadStatus != "processed" || v.ContentDetails.Duration != "PT1M1S" || v.FileDetails.FileSize != 5000 || v.FileDetails.FileName != "job-1.mp4" {
		t.Errorf("videos.list: %+v", v)
	}
	stats, err := service.Videos.BatchGetStats().Part("statistics", "snippet", "contentDetails").Id(id).Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(stats.Items) != 1 || stats.Items[0].Id != id || uint64(stats.Items[0].Statistics.ViewCount) != v.Statistics.ViewCount {
		t.Errorf("batchGetStats: %+v", stats.Items)
	}
	channel, err := service.Channels.List([]string{"id", "snippet", "contentDetails", "status"}).Mine(true).Do()
	if err != nil {
		t.Fatal(err)
	}
	uploads, err := service.PlaylistItems.List([]string{"contentDetails"}).PlaylistId(channel.Items[0].ContentDetails.RelatedPlaylists.Uploads).MaxResults(50).Do()
	if err != nil || len(uploads.Items) != 1 || uploads.Items[0].ContentDetails.VideoId != id {
		t.Errorf("uploads: %v %+v", err, uploads)
	}
	v.Snippet.Title = "Nuovo"
	if v, err = service.Videos.Update([]string{"snippet"}, &youtube.Video{Id: id, Snippet: v.Snippet}).Do(); err != nil || v.Snippet.Title != "Nuovo" {
		t.Errorf("videos.update: %v %+v", err, v)
	}
	if _, err := service.Thumbnails.Set(id).Media(bytes.NewReader(picture(t, 1280)), googleapi.ContentType("image/png")).Do(); err != nil {
		t.Errorf("thumbnails.set: %v", err)
	}
	caption, err := service.Captions.Insert([]string{"snippet"}, &youtube.Caption{Snippet: &youtube.CaptionSnippet{VideoId: id, Language: "it", Name: ""}}).
		Media(strings.NewReader("1\n00:00:00,000 --> 00:00:01,000\nBuongiorno\n")).Do()
	if err != nil || caption.Snippet.Status != "serving" {
		t.Errorf("captions.insert: %v %+v", err, caption)
	}
	list2, err := service.Playlists.Insert([]string{"snippet", "status"}, &youtube.Playlist{Snippet: &youtube.PlaylistSnippet{Title: "Temi"}, Status: &youtube.PlaylistStatus{PrivacyStatus: "public"}}).Do()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.PlaylistItems.Insert([]string{"snippet"}, &youtube.PlaylistItem{Snippet: &youtube.PlaylistItemSnippet{
		PlaylistId: list2.Id, ResourceId: &youtube.ResourceId{Kind: "youtube#video", VideoId: id},
	}}).Do(); err != nil {
		t.Errorf("playlistItems.insert: %v", err)
	}
	if err := service.Videos.Delete(id).Do(); err != nil {
		t.Errorf("videos.delete: %v", err)
	}
}

// Google's client splits a large upload into chunks of unknown total.
func TestGooglesClientUploads(t *testing.T) {
	w := newWorld(t, Options{})
	service, _ := w.google()
	data := movie(googleapi.MinUploadChunkSize*3+7, 4)
	v, err := service.Videos.Insert([]string{"snippet", "status"}, &youtube.Video{
		Snippet: &youtube.VideoSnippet{Title: "Una voce"}, Status: &youtube.VideoStatus{PrivacyStatus: "unlisted"},
	}).Media(bytes.NewReader(data), googleapi.ChunkSize(googleapi.MinUploadChunkSize), googleapi.ContentType("video/mp4")).Do()
	if err != nil {
		t.Fatal(err)
	}
	if got := w.state().Videos; len(got) != 1 || got[0].ID != v.Id || got[0].SHA256 != sum(data) || got[0].Privacy != unlisted {
		t.Errorf("videos: %+v", got)
	}
}

func TestGooglesClientUnderstandsRefusals(t *testing.T) {
	w := newWorld(t, Options{Quota: map[string]int{"statistics": 0}})
	service, _ := w.google()
	var refused *googleapi.Error
	if err := service.Videos.Delete("nothing").Do(); !errors.As(err, &refused) || refused.Code != http.StatusNotFound || refused.Errors[0].Reason != "videoNotFound" {
		t.Errorf("videos.delete: %v", err)
	}
	if _, err := service.Videos.BatchGetStats().Id("a").Part("statistics").Do(); !errors.As(err, &refused) || refused.Code != http.StatusTooManyRequests {
		t.Errorf("batchGetStats: %v", err)
	}
	w.fault(Fault{Name: Revoke})
	service, _ = w.google()
	w.fault(Fault{Name: Revoke})
	var grant *oauth2.RetrieveError
	if _, err := service.Channels.List([]string{"id"}).Mine(true).Context(context.Background()).Do(); !errors.As(err, &grant) || grant.ErrorCode != "invalid_grant" {
		t.Errorf("revoked: %v", err)
	}
}
