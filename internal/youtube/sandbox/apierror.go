package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is a refusal in Google's shape:
// https://developers.google.com/youtube/v3/docs/core_errors
type apiError struct {
	Code         int
	Message      string // of the whole
	Detail       string // of the one item; empty: the same
	Domain       string
	Reason       string
	Location     string // such as body.snippet.tags
	LocationType string
	Details      []obj
	Header       map[string]string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.Code, e.Reason, e.Message) }

// statuses are the names of google.rpc.Code that Google adds to HTTP codes:
// https://cloud.google.com/apis/design/errors
func statusName(code int) string {
	switch code {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound, http.StatusGone:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ALREADY_EXISTS"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusNotImplemented:
		return "UNIMPLEMENTED"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	}
	return "INTERNAL"
}

func (e *apiError) body() []byte {
	item := obj{"message": e.Message, "domain": e.Domain, "reason": e.Reason}
	if e.Detail != "" {
		item["message"] = e.Detail
	}
	if e.Location != "" {
		item["location"], item["locationType"] = e.Location, e.LocationType
	}
	whole := obj{"code": e.Code, "message": e.Message, "errors": []obj{item}, "status": statusName(e.Code)}
	if len(e.Details) > 0 {
		whole["details"] = e.Details
	}
	b, err := json.Marshal(obj{"error": whole})
	if err != nil { // strings and numbers always encode
		return nil
	}
	return b
}

// refuse answers an error. What is not an apiError is a fault of this machine
// and is answered as Google answers its own.
func (s *Sandbox) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		s.log.ErrorContext(r.Context(), "the sandbox failed", "method", r.Method, "path", r.URL.Path, "error", err)
		e = backendError(http.StatusServiceUnavailable)
	}
	b := e.body()
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	for k, v := range e.Header {
		h.Set(k, v)
	}
	w.WriteHeader(e.Code)
	_, _ = w.Write(b) // a client that went away is not ours to mend
}

func backendError(code int) *apiError {
	if code == http.StatusInternalServerError {
		return &apiError{Code: code, Domain: "global", Reason: "internalError", Message: "Internal error encountered."}
	}
	return &apiError{Code: code, Domain: "global", Reason: "backendError", Message: "The service is currently unavailable."}
}

func missingParameter(name string) *apiError {
	return &apiError{
		Code: http.StatusBadRequest, Domain: "global", Reason: "required",
		Message: "Required parameter: " + name, Location: name, LocationType: "parameter",
	}
}

func noFilter(names string) *apiError {
	return &apiError{
		Code: http.StatusBadRequest, Domain: "youtube.parameter", Reason: "missingRequiredParameter",
		Message:  "No filter selected. Expected one of: " + names,
		Location: "parameters.", LocationType: "other",
	}
}

func invalidParameter(name, message string) *apiError {
	return &apiError{
		Code: http.StatusBadRequest, Domain: "global", Reason: "invalidParameter",
		Message: message, Location: name, LocationType: "parameter",
	}
}

// invalid is what videos.insert and videos.update say about a field:
// https://developers.google.com/youtube/v3/docs/videos/insert#errors
func invalid(reason, location, message string) *apiError {
	return &apiError{
		Code: http.StatusBadRequest, Domain: "youtube.video", Reason: reason,
		Message: message, Location: location, LocationType: "other",
	}
}

func notFound(domain, reason, location, what string) *apiError {
	return &apiError{
		Code: http.StatusNotFound, Domain: domain, Reason: reason,
		Message:  "The " + what + " that you are trying to use cannot be found.",
		Location: location, LocationType: "parameter",
	}
}

// pageToken hides where a page begins, as Google's tokens do.
func pageToken(from int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("page:" + strconv.Itoa(from)))
}

func pageStart(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 6 || string(b[:5]) != "page:" {
		return 0, errors.New("not a page token")
	}
	n, err := strconv.Atoi(string(b[5:]))
	if err != nil || n < 0 {
		return 0, errors.New("not a page token")
	}
	return n, nil
}
