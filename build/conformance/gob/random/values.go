package main

import (
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"time"
)

const maxDepth = 6

func fillRandom(random *rand.Rand, value reflect.Value, depth int) {
	if random.Intn(5) == 0 && value.Kind() != reflect.Array && value.Kind() != reflect.Struct {
		return // zero
	}
	switch value.Type() {
	case timeType:
		value.Set(reflect.ValueOf(randomTime(random)))
		return
	case urlType:
		value.Set(reflect.ValueOf(url.URL{Scheme: "https", Host: "h", Path: "/" + strconv.Itoa(random.Intn(99)), RawQuery: "q=ü"}))
		return
	case textedType:
		value.Set(reflect.ValueOf(Texted{randomText(random)}))
		return
	case bigType:
		number := new(big.Int).Lsh(big.NewInt(random.Int63()), uint(random.Intn(200)))
		value.Set(reflect.ValueOf(*number))
		return
	case anyType:
		if concrete := randomConcrete(random, depth+1); concrete != nil {
			value.Set(reflect.ValueOf(concrete))
		}
		return
	}
	switch value.Kind() {
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		value.SetInt(int64(random.Uint64()) >> (64 - value.Type().Bits()) >> random.Intn(value.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		value.SetUint(random.Uint64() >> (64 - value.Type().Bits()) >> random.Intn(value.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		value.SetFloat(randomFloat(random, value.Type().Bits()))
	case reflect.Complex64, reflect.Complex128:
		bits := value.Type().Bits() / 2
		value.SetComplex(complex(randomFloat(random, bits), randomFloat(random, bits)))
	case reflect.String:
		value.SetString(randomText(random))
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), randomLength(random, depth), maxDepth*40))
		fillElements(random, value, depth)
	case reflect.Array:
		fillElements(random, value, depth)
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		for range randomLength(random, depth) {
			key, elem := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
			fillRandom(random, key, depth+1)
			fillRandom(random, elem, depth+1)
			fillPointer(random, elem, depth+1)
			value.SetMapIndex(key, elem)
		}
	case reflect.Pointer:
		if depth < maxDepth {
			fillPointer(random, value, depth)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			fillRandom(random, value.Field(i), depth+1)
		}
	}
}

func fillElements(random *rand.Rand, value reflect.Value, depth int) {
	for i := range value.Len() {
		fillRandom(random, value.Index(i), depth+1)
		fillPointer(random, value.Index(i), depth+1)
	}
}

// Gob cannot send nil as an element, so pointers there always point to something.
func fillPointer(random *rand.Rand, value reflect.Value, depth int) {
	if value.Kind() != reflect.Pointer || !value.IsNil() {
		return
	}
	value.Set(reflect.New(value.Type().Elem()))
	fillRandom(random, value.Elem(), depth+1)
	fillPointer(random, value.Elem(), depth+1)
}

func randomLength(random *rand.Rand, depth int) int {
	if depth >= maxDepth {
		return 0
	}
	if random.Intn(50) == 0 && depth < 2 {
		return random.Intn(200)
	}
	return random.Intn(4)
}

func randomConcrete(random *rand.Rand, depth int) any {
	choice := random.Intn(12)
	if depth > maxDepth {
		choice %= 6
	}
	switch choice {
	case 0:
		return randomText(random)
	case 1:
		return random.Int63() - random.Int63()
	case 2:
		return randomFloat(random, 64)
	case 3:
		return random.Intn(2) == 0
	case 4:
		return []byte(randomText(random))
	case 5:
		return randomTime(random)
	case 6:
		return []string{randomText(random), ""}
	case 7:
		return &Small{random.Intn(3)}
	case 8:
		wide := Wide{}
		fillRandom(random, reflect.ValueOf(&wide).Elem(), depth)
		return wide
	case 9:
		tree := &Tree{}
		fillRandom(random, reflect.ValueOf(tree).Elem(), depth)
		return tree
	case 10:
		items := []any{randomConcrete(random, depth+2), nil, randomConcrete(random, depth+2)}
		return items
	default:
		return map[string]any{randomText(random): randomConcrete(random, depth+2), "k": nil}
	}
}

func randomTime(random *rand.Rand) time.Time {
	at := time.Unix(random.Int63n(4e9)-2e9, random.Int63n(1e9)).UTC()
	switch random.Intn(4) {
	case 0:
		at = at.In(time.FixedZone("", (random.Intn(28)-14)*3600+1800))
	case 1:
		at = at.In(time.FixedZone("", random.Intn(50000)+61))
	}
	return at
}

func randomFloat(random *rand.Rand, bits int) float64 {
	if bits == 32 {
		return float64(math.Float32frombits(random.Uint32() &^ (1 << 30)))
	}
	switch random.Intn(8) {
	case 0:
		return math.Inf(1 - 2*random.Intn(2))
	case 1:
		return float64(random.Intn(1000))
	default:
		number := math.Float64frombits(random.Uint64())
		if math.IsNaN(number) {
			return math.NaN()
		}
		return number
	}
}

func randomText(random *rand.Rand) string {
	runes := make([]rune, random.Intn(12))
	alphabet := []rune("aZ0 \x00\n\"\\<ß€𝄞")
	for i := range runes {
		runes[i] = alphabet[random.Intn(len(alphabet))]
	}
	if random.Intn(40) == 0 {
		return string(make([]byte, 100+random.Intn(300)))
	}
	return string(runes)
}

// The value as gob delivers it, in JSON without loss: numbers as text, floats by their bits, maps as
// sorted lists of pairs. In a struct, a pointer to a zero value is nil, and minus zero is zero.
func plain(value reflect.Value, inStruct bool) any {
	switch value.Type() {
	case timeType:
		at := value.Interface().(time.Time)
		zone := "UTC"
		if at.Location() != time.UTC {
			_, offset := at.Zone()
			zone = strconv.Itoa(offset)
		}
		return []any{strconv.FormatInt(at.Unix(), 10), at.Nanosecond(), zone}
	case urlType:
		link := value.Interface().(url.URL)
		return link.String()
	case textedType:
		return value.Interface().(Texted).inner
	case bigType:
		number := value.Interface().(big.Int)
		return number.String()
	}
	switch value.Kind() {
	case reflect.Bool:
		return value.Bool()
	case reflect.String:
		return value.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(value.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(value.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return plainFloat(value.Float(), inStruct)
	case reflect.Complex64, reflect.Complex128:
		number := value.Complex()
		zero := inStruct && number == 0
		return []any{plainFloat(real(number), zero), plainFloat(imag(number), zero)}
	case reflect.Slice, reflect.Array:
		if value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%x", value.Bytes())
		}
		items := make([]any, value.Len())
		for i := range items {
			items[i] = plain(value.Index(i), false)
		}
		return items
	case reflect.Map:
		return plainMap(value)
	case reflect.Pointer:
		if value.IsNil() || (inStruct && sentAsZero(value.Elem())) {
			return nil
		}
		return plain(value.Elem(), inStruct)
	case reflect.Interface:
		if value.IsNil() {
			return nil
		}
		return map[string]any{"type": concreteName(value.Elem().Type()), "value": plain(reflect.Indirect(value.Elem()), false)}
	case reflect.Struct:
		object := map[string]any{}
		for i := range value.NumField() {
			object[value.Type().Field(i).Name] = plain(value.Field(i), true)
		}
		return object
	}
	panic("unexpected kind " + value.Kind().String())
}

func plainFloat(number float64, dropSign bool) string {
	if number == 0 && dropSign {
		number = 0
	}
	return fmt.Sprintf("%016x", math.Float64bits(number))
}

func plainMap(value reflect.Value) any {
	type entry struct {
		key  string
		pair []any
	}
	entries := []entry{}
	for _, key := range value.MapKeys() {
		plainKey := plain(key, false)
		entries = append(entries, entry{string(marshal(plainKey)), []any{plainKey, plain(value.MapIndex(key), false)}})
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].key < entries[j].key })
	pairs := make([]any, len(entries))
	for i, entry := range entries {
		pairs[i] = entry.pair
	}
	return pairs
}

func sentAsZero(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Slice:
		return value.Len() == 0
	case reflect.Array:
		return false
	case reflect.Struct:
		// A pointer to an opaque type is sent even when it points to zero.
		return false
	case reflect.Pointer:
		return value.IsNil() || sentAsZero(value.Elem())
	case reflect.Map:
		return value.Len() == 0
	case reflect.Float32, reflect.Float64:
		return value.Float() == 0
	default:
		return value.IsZero()
	}
}

func concreteName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Wide]():
		return "main.Wide"
	default:
		return t.String()
	}
}
