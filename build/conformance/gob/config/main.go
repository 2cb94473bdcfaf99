// Checks model.Config both ways; built once for each release of server/public.
//
//	config produce <seed> <count>   random Configs in one gob stream
//	config verify <seed> <count>    reads the same Configs as we decoded and encoded them again
//
// Output and input are frames (a 32-bit big-endian length and as many bytes): one JSON document
// {"fields": {section: [names]}, "values": [...]}, then the gob bytes; to verify, the gob alone.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"reflect"
	"strconv"

	"github.com/mattermost/mattermost/server/public/model"
)

type document struct {
	Fields map[string][]string `json:"fields"`
	Values []any               `json:"values"`
}

func main() {
	// As server/public/plugin registers them.
	gob.Register([]any{})
	gob.Register(map[string]any{})
	if len(os.Args) != 4 {
		fail(fmt.Errorf("three arguments are expected"))
	}
	configs := randomConfigs(argument(2), int(argument(3)))
	if os.Args[1] == "produce" {
		produce(configs)
	} else {
		verify(configs)
	}
}

func produce(configs []*model.Config) {
	result := document{Fields: fieldNames()}
	for _, config := range configs {
		result.Values = append(result.Values, plain(reflect.ValueOf(config).Elem()))
	}
	text, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	writeFrame(text)
	writeFrame(encode(configs))
}

func verify(configs []*model.Config) {
	content, err := io.ReadAll(bufio.NewReader(os.Stdin))
	if err != nil {
		fail(err)
	}
	// What Go itself makes of its own bytes is what ours must give.
	expected := gob.NewDecoder(bytes.NewReader(encode(configs)))
	found := gob.NewDecoder(bytes.NewReader(content))
	for i := range configs {
		var want, have model.Config
		if err := expected.Decode(&want); err != nil {
			fail(err)
		}
		if err := found.Decode(&have); err != nil {
			fail(fmt.Errorf("config %d: %w", i, err))
		}
		if !reflect.DeepEqual(want, have) {
			fail(fmt.Errorf("config %d differs after the round trip", i))
		}
	}
	fmt.Println(len(configs))
}

func encode(configs []*model.Config) []byte {
	var buffer bytes.Buffer
	encoder := gob.NewEncoder(&buffer)
	for _, config := range configs {
		if err := encoder.Encode(config); err != nil {
			fail(err)
		}
	}
	return buffer.Bytes()
}

func randomConfigs(seed int64, count int) []*model.Config {
	random := rand.New(rand.NewSource(seed))
	configs := make([]*model.Config, count)
	for i := range configs {
		configs[i] = &model.Config{}
		fill(random, reflect.ValueOf(configs[i]).Elem())
	}
	return configs
}

func fill(random *rand.Rand, value reflect.Value) {
	switch value.Kind() {
	case reflect.Bool:
		value.SetBool(random.Intn(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		value.SetInt(int64(random.Uint64()) >> (64 - value.Type().Bits()) >> random.Intn(value.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value.SetUint(random.Uint64() >> (64 - value.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		value.SetFloat(float64(random.Intn(1000)) / 8)
	case reflect.String:
		value.SetString([]string{"", "text", "ümläut €", "a\x00b"}[random.Intn(4)])
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(random, value.Elem())
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), random.Intn(4), 4))
		for i := range value.Len() {
			fill(random, value.Index(i))
		}
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		for i := range random.Intn(3) {
			key, elem := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
			fill(random, key)
			if key.Kind() == reflect.String {
				key.SetString(key.String() + strconv.Itoa(i))
			}
			fill(random, elem)
			value.SetMapIndex(key, elem)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				fill(random, value.Field(i))
			}
		}
	case reflect.Interface:
		if held := randomAny(random); held != nil {
			value.Set(reflect.ValueOf(held))
		}
	default:
		fail(fmt.Errorf("Config has a field of kind %s", value.Kind()))
	}
}

func randomAny(random *rand.Rand) any {
	switch random.Intn(7) {
	case 0:
		return nil
	case 1:
		return random.Intn(2) == 0
	case 2:
		return random.NormFloat64()
	case 3:
		return []any{"a", 1.5, nil, []any{true}}
	case 4:
		return map[string]any{"k": "v", "n": map[string]any{"deep": 0.0}}
	case 5:
		return random.Int63()
	default:
		return "setting"
	}
}

// What gob carries: objects of the fields that it sends, numbers as text.
func plain(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Bool:
		return value.Bool()
	case reflect.String:
		return value.String()
	case reflect.Pointer:
		return plain(value.Elem())
	case reflect.Slice:
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return "bytes " + hex.EncodeToString(value.Bytes())
		}
		items := make([]any, value.Len())
		for i := range items {
			items[i] = plain(value.Index(i))
		}
		return items
	case reflect.Map:
		entries := map[string]any{}
		for _, key := range value.MapKeys() {
			entries[fmt.Sprint(key.Interface())] = plain(value.MapIndex(key))
		}
		return entries
	case reflect.Interface:
		if value.IsNil() {
			return nil
		}
		return map[string]any{"type": value.Elem().Type().String(), "value": plain(value.Elem())}
	case reflect.Struct:
		fields := map[string]any{}
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if field.IsExported() && isSent(value.Field(i)) {
				fields[field.Name] = plain(value.Field(i))
			}
		}
		return fields
	default:
		return fmt.Sprint(value.Interface())
	}
}

func isSent(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Struct:
		return true
	case reflect.Pointer:
		return !value.IsNil() && isSent(value.Elem())
	case reflect.Slice:
		return value.Len() > 0
	case reflect.Map:
		return !value.IsNil()
	default:
		return !value.IsZero()
	}
}

func fieldNames() map[string][]string {
	names := map[string][]string{}
	config := reflect.TypeFor[model.Config]()
	for i := range config.NumField() {
		section := config.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for j := range section.Type.NumField() {
			names[section.Name] = append(names[section.Name], section.Type.Field(j).Name)
		}
	}
	return names
}

func writeFrame(content []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(content)))
	if _, err := os.Stdout.Write(append(length[:], content...)); err != nil {
		fail(err)
	}
}

func argument(index int) int64 {
	number, err := strconv.ParseInt(os.Args[index], 10, 64)
	if err != nil {
		fail(err)
	}
	return number
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
