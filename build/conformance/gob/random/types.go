package main

import (
	"encoding/gob"
	"fmt"
	"math/big"
	"math/rand"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// A list and a tree: types that contain themselves, by pointer, slice and map.
type List struct {
	Value int
	Next  *List
}

type Tree struct {
	Name  string
	Nodes []Tree
	Named map[string]*Tree
	Held  any
}

// Concrete types of interface values.
type Small struct{ A int }

type Wide struct {
	Text  string
	Any   any
	Items []any
	When  time.Time
}

// Texted makes its own bytes.
type Texted struct{ inner string }

func (t Texted) MarshalBinary() ([]byte, error) { return []byte("<" + t.inner + ">"), nil }

func (t *Texted) UnmarshalBinary(text []byte) error {
	if len(text) < 2 || text[0] != '<' || text[len(text)-1] != '>' {
		return fmt.Errorf("bad text %q", text)
	}
	t.inner = string(text[1 : len(text)-1])
	return nil
}

var (
	anyType  = reflect.TypeFor[any]()
	timeType = reflect.TypeFor[time.Time]()
	// Their methods are those of the pointer: gob refuses the bare types in maps and interfaces.
	urlType    = reflect.TypeFor[url.URL]()
	textedType = reflect.TypeFor[Texted]()
	bigType    = reflect.TypeFor[big.Int]()
	named      = []reflect.Type{reflect.TypeFor[List](), reflect.TypeFor[Tree](), reflect.TypeFor[Wide]()}
	opaque     = []reflect.Type{timeType, reflect.PointerTo(urlType), textedType, reflect.PointerTo(bigType)}
	opaqueBase = []reflect.Type{timeType, urlType, textedType, bigType}
	scalars    = []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](),
		reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](),
		reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](),
		reflect.TypeFor[complex128](), reflect.TypeFor[string](),
	}
	keys = []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](),
		reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[string](),
		reflect.TypeFor[[2]int16](), reflect.TypeFor[Small](),
	}
)

func registerConcrete() {
	gob.RegisterName("*main.Small", &Small{})
	gob.RegisterName("main.Wide", Wide{})
	gob.RegisterName("*main.Tree", &Tree{})
	gob.RegisterName("[]interface {}", []any{})
	gob.RegisterName("map[string]interface {}", map[string]any{})
	gob.RegisterName("time.Time", time.Time{})
}

func streamTypes(seed int64, number int) []reflect.Type {
	random := rand.New(rand.NewSource(seed + int64(number)*104729))
	types := make([]reflect.Type, typesPerStream)
	for i := range types {
		types[i] = randomType(random, 0)
		for types[i].Kind() == reflect.Interface || types[i].Kind() == reflect.Pointer {
			types[i] = randomType(random, 0)
		}
	}
	return types
}

func randomType(random *rand.Rand, depth int) reflect.Type {
	choice := random.Intn(16)
	if depth > 4 {
		choice %= 5
	}
	switch choice {
	case 0, 1, 2:
		return scalars[random.Intn(len(scalars))]
	case 3:
		return opaque[random.Intn(len(opaque))]
	case 4:
		return anyType
	case 5:
		return named[random.Intn(len(named))]
	case 6, 7:
		return reflect.SliceOf(randomType(random, depth+1))
	case 8:
		return reflect.ArrayOf(random.Intn(4), randomType(random, depth+1))
	case 9, 10:
		return reflect.MapOf(keys[random.Intn(len(keys))], randomType(random, depth+1))
	case 11:
		// A pointer to a pointer is nothing else on the wire, one to an interface Go refuses.
		inner := randomType(random, depth+1)
		if inner.Kind() == reflect.Interface || inner.Kind() == reflect.Pointer {
			return inner
		}
		return reflect.PointerTo(inner)
	default:
		return randomStruct(random, depth)
	}
}

func randomStruct(random *rand.Rand, depth int) reflect.Type {
	fields := make([]reflect.StructField, random.Intn(7))
	for i := range fields {
		fields[i] = reflect.StructField{
			Name: fmt.Sprintf("F%d%s", i, strings.Repeat("x", random.Intn(3))),
			Type: randomType(random, depth+1),
		}
	}
	return reflect.StructOf(fields)
}

// What the other side needs to know to make a schema and values of its own.
type description struct {
	Kind   string             `json:"kind"`
	Bits   int                `json:"bits,omitempty"`
	Length int                `json:"length,omitempty"`
	Key    *description       `json:"key,omitempty"`
	Elem   *description       `json:"elem,omitempty"`
	Fields []fieldDescription `json:"fields,omitempty"`
}

type fieldDescription struct {
	Name string       `json:"name"`
	Type *description `json:"type"`
}

func describe(t reflect.Type) *description {
	for _, known := range append(append([]reflect.Type{}, named...), opaqueBase...) {
		if t == known {
			return &description{Kind: t.Name()}
		}
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &description{Kind: "bytes"}
		}
		return &description{Kind: "slice", Elem: describe(t.Elem())}
	case reflect.Array:
		return &description{Kind: "array", Length: t.Len(), Elem: describe(t.Elem())}
	case reflect.Map:
		return &description{Kind: "map", Key: describe(t.Key()), Elem: describe(t.Elem())}
	case reflect.Pointer:
		return &description{Kind: "pointer", Elem: describe(t.Elem())}
	case reflect.Struct:
		result := &description{Kind: "struct"}
		for i := range t.NumField() {
			result.Fields = append(result.Fields, fieldDescription{t.Field(i).Name, describe(t.Field(i).Type)})
		}
		return result
	case reflect.Interface:
		return &description{Kind: "any"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &description{Kind: "int", Bits: t.Bits()}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return &description{Kind: "uint", Bits: t.Bits()}
	case reflect.Float32, reflect.Float64:
		return &description{Kind: "float", Bits: t.Bits()}
	case reflect.Complex64, reflect.Complex128:
		return &description{Kind: "complex", Bits: t.Bits() / 2}
	default:
		return &description{Kind: t.Kind().String()}
	}
}
