// Checks our gob against Go's, in batches over pipes.
//
//	random produce <seed> <streams> <values>   random types and values, encoded by encoding/gob
//	random verify <seed> <streams>             decodes what we encoded for the same types
//
// Both speak frames: a 32-bit big-endian length and as many bytes. A stream is two frames: JSON
// ({"types": [...], "values": [{"type": n, "json": ...}]}) and the gob bytes. The types of a
// stream depend on the seed and its number alone, so both commands make the same ones.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"reflect"
	"strconv"
)

const typesPerStream = 8

type stream struct {
	Types  []*description `json:"types,omitempty"`
	Values []typedValue   `json:"values"`
}

type typedValue struct {
	Type int             `json:"type"`
	JSON json.RawMessage `json:"json"`
}

func main() {
	seed := argument(2)
	streams := int(argument(3))
	registerConcrete()
	switch os.Args[1] {
	case "produce":
		produce(seed, streams, int(argument(4)))
	case "verify":
		verify(seed, streams)
	default:
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}

func produce(seed int64, streams, values int) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for number := range streams {
		types := streamTypes(seed, number)
		random := rand.New(rand.NewSource(seed + int64(number)*7919 + 1))
		var encoded bytes.Buffer
		encoder := gob.NewEncoder(&encoded)
		result := stream{}
		for _, t := range types {
			result.Types = append(result.Types, describe(t))
		}
		for range values {
			index := random.Intn(len(types))
			value := reflect.New(types[index]).Elem()
			fillRandom(random, value, 0)
			if err := encoder.EncodeValue(value); err != nil {
				fail(fmt.Errorf("stream %d, type %s: %w", number, types[index], err))
			}
			result.Values = append(result.Values, typedValue{index, marshal(plain(value, false))})
		}
		writeFrame(out, marshal(result))
		writeFrame(out, encoded.Bytes())
	}
}

func verify(seed int64, streams int) {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	checked := 0
	for number := range streams {
		types := streamTypes(seed, number)
		var given stream
		if err := json.Unmarshal(readFrame(in), &given); err != nil {
			fail(err)
		}
		decoder := gob.NewDecoder(bytes.NewReader(readFrame(in)))
		for position, expected := range given.Values {
			value := reflect.New(types[expected.Type])
			if err := decoder.DecodeValue(value); err != nil {
				fail(fmt.Errorf("stream %d, value %d, type %s: %w", number, position, types[expected.Type], err))
			}
			found := marshal(plain(value.Elem(), false))
			if !bytes.Equal(found, compact(expected.JSON)) {
				fail(fmt.Errorf("stream %d, value %d: expected %s\nfound %s", number, position, expected.JSON, found))
			}
			checked++
		}
		if err := decoder.Decode(nil); err != io.EOF {
			fail(fmt.Errorf("stream %d goes on after its values: %v", number, err))
		}
	}
	fmt.Println(checked)
}

// The text is rewritten as Go writes it, with the keys of objects in one order.
func compact(text json.RawMessage) []byte {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		fail(err)
	}
	return marshal(value)
}

func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	return text
}

func writeFrame(out io.Writer, content []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(content)))
	if _, err := out.Write(append(length[:], content...)); err != nil {
		fail(err)
	}
}

func readFrame(in io.Reader) []byte {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		fail(err)
	}
	content := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(in, content); err != nil {
		fail(err)
	}
	return content
}

func argument(index int) int64 {
	if len(os.Args) <= index {
		fail(fmt.Errorf("argument %d is missing", index))
	}
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
