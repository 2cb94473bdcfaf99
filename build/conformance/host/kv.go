package host

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// kvStore keeps the plugin's keys in memory with the meaning of the server's PluginKeyValueStore table: an empty
// value deletes, an expired key is absent, and an atomic write compares with the old value.
type kvStore struct {
	mu      sync.Mutex
	entries map[string]kvEntry
}

type kvEntry struct {
	value   []byte
	expires time.Time // zero: never
}

func newKVStore() *kvStore {
	return &kvStore{entries: map[string]kvEntry{}}
}

// live answers the value of a key that has not expired; mu is held.
func (s *kvStore) live(key string) []byte {
	entry := s.entries[key]
	if !entry.expires.IsZero() && !time.Now().Before(entry.expires) {
		delete(s.entries, key)
		return nil
	}
	return entry.value
}

func (s *kvStore) put(key string, value []byte, expireInSeconds int64) {
	if len(value) == 0 {
		delete(s.entries, key)
		return
	}
	entry := kvEntry{value: bytes.Clone(value)}
	if expireInSeconds > 0 {
		entry.expires = time.Now().Add(time.Duration(expireInSeconds) * time.Second)
	}
	s.entries[key] = entry
}

func (s *kvStore) get(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.live(key))
}

func (s *kvStore) set(key string, value []byte, expireInSeconds int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, value, expireInSeconds)
}

// compareAndSet writes when the present value equals old; a nil old means that the key must be absent.
func (s *kvStore) compareAndSet(key string, old, value []byte, expireInSeconds int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(s.live(key), old) {
		return false
	}
	s.put(key, value, expireInSeconds)
	return true
}

func (s *kvStore) snapshot() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := map[string][]byte{}
	for _, key := range slices.Collect(maps.Keys(s.entries)) {
		if value := s.live(key); value != nil {
			values[key] = bytes.Clone(value)
		}
	}
	return values
}

func (a *api) KVGet(key string) ([]byte, *model.AppError) {
	return a.kv.get(key), nil
}

func (a *api) KVSet(key string, value []byte) *model.AppError {
	a.kv.set(key, value, 0)
	return nil
}

func (a *api) KVSetWithExpiry(key string, value []byte, expireInSeconds int64) *model.AppError {
	a.kv.set(key, value, expireInSeconds)
	return nil
}

func (a *api) KVSetWithOptions(key string, value []byte, o model.PluginKVSetOptions) (bool, *model.AppError) {
	if err := o.IsValid(); err != nil {
		return false, err
	}
	if o.Atomic {
		return a.kv.compareAndSet(key, o.OldValue, value, o.ExpireInSeconds), nil
	}
	a.kv.set(key, value, o.ExpireInSeconds)
	return true, nil
}

func (a *api) KVCompareAndSet(key string, oldValue, newValue []byte) (bool, *model.AppError) {
	return a.kv.compareAndSet(key, oldValue, newValue, 0), nil
}

func (a *api) KVCompareAndDelete(key string, oldValue []byte) (bool, *model.AppError) {
	if len(oldValue) == 0 {
		return false, model.NewAppError("CompareAndDelete", "model.plugin_kvset_options.is_valid.old_value.app_error", nil, "", http.StatusBadRequest)
	}
	return a.kv.compareAndSet(key, oldValue, nil, 0), nil
}

func (a *api) KVDelete(key string) *model.AppError {
	a.kv.set(key, nil, 0)
	return nil
}

func (a *api) KVDeleteAll() *model.AppError {
	for key := range a.kv.snapshot() {
		a.kv.set(key, nil, 0)
	}
	return nil
}

func (a *api) KVList(page, perPage int) ([]string, *model.AppError) {
	keys := slices.Sorted(maps.Keys(a.kv.snapshot()))
	from := min(page*perPage, len(keys))
	return keys[from:min(from+perPage, len(keys))], nil
}
