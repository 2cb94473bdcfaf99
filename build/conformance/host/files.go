package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"

	"github.com/mattermost/mattermost/server/public/model"
)

// describe makes a FileInfo from which a test sees what arrived.
func describe(name string, content []byte) *model.FileInfo {
	sum := sha256.Sum256(content)
	return &model.FileInfo{Id: model.NewId(), Name: name, Size: int64(len(content)), MimeType: hex.EncodeToString(sum[:])}
}

func (a *api) UploadFile(data []byte, channelID, filename string) (*model.FileInfo, *model.AppError) {
	if channelID == "" {
		return nil, model.NewAppError("UploadFile", "api.file.upload.no_channel", nil, "details", http.StatusBadRequest)
	}
	return describe(filename, data), nil
}

func (a *api) CreateUploadSession(session *model.UploadSession) (*model.UploadSession, error) {
	session.Id = model.NewId()
	return session, nil
}

func (a *api) GetUploadSession(id string) (*model.UploadSession, error) {
	return nil, fmt.Errorf("no session %s", id)
}

func (a *api) UploadData(session *model.UploadSession, content io.Reader) (*model.FileInfo, error) {
	data, err := io.ReadAll(content)
	if err != nil {
		return nil, model.NewAppError("UploadData", "the upload broke", nil, err.Error(), http.StatusBadRequest)
	}
	if int64(len(data)) != session.FileSize {
		// Only an AppError: server/public hands the error on as it is, and gob knows no other.
		return nil, model.NewAppError("UploadData", "the upload has another size", nil, "", http.StatusBadRequest)
	}
	return describe(session.Filename, data), nil
}

// PluginHTTP answers with what it was sent.
func (a *api) PluginHTTP(request *http.Request) *http.Response {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(&bytes.Buffer{})}
	}
	answer := fmt.Appendf(nil, "%s %s %s ", request.Method, request.URL, request.Header.Get("X-Test"))
	header := http.Header{"X-Answer": {"yes"}}
	return &http.Response{StatusCode: http.StatusAccepted, Header: header, Body: io.NopCloser(bytes.NewReader(append(answer, body...)))}
}
