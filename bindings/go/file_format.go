package rekindle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The format of a record file, in all languages: `rekindle-store 1 <counter> <length> <sha256>\n<record>`. The checksum covers
// counter and record.
const (
	fileMagic  = "rekindle-store"
	fileFormat = 1
	// Longer than any header this version writes.
	mostHeader = 160
)

// Identifies one saved state of a file: the counter never decreases, so saving equal bytes again gives another version.
type fileStamp struct {
	counter uint64
	sum     string
}

// The parsed bytes of a file: without a fault, a record.
type decodedFile struct {
	record string
	// For a damaged file: the version that was written, if its header is readable.
	stamp *fileStamp
	fault string
	// Written by a later version of rekindle, which this one can't read.
	newer uint64
}

func stampOf(counter uint64, record string) fileStamp {
	hash := sha256.New()
	hash.Write(binary.BigEndian.AppendUint64(nil, counter))
	hash.Write([]byte(record))
	return fileStamp{counter, hex.EncodeToString(hash.Sum(nil))}
}

func (s fileStamp) String() string { return fmt.Sprintf("%d-%s", s.counter, s.sum) }

func parseStamp(text string) *fileStamp {
	counter, sum, ok := strings.Cut(text, "-")
	if !ok {
		return nil
	}
	return stampFrom(counter, sum)
}

func stampFrom(counter, sum string) *fileStamp {
	number, err := strconv.ParseUint(counter, 10, 64)
	isHex := func(char rune) bool { return (char >= '0' && char <= '9') || (char >= 'a' && char <= 'f') }
	if err != nil || len(sum) != 64 || strings.ContainsFunc(sum, func(char rune) bool { return !isHex(char) }) {
		return nil
	}
	return &fileStamp{number, sum}
}

func encodeFile(record string, stamp fileStamp) []byte {
	return fmt.Appendf(nil, "%s %d %d %d %s\n%s", fileMagic, fileFormat, stamp.counter, len(record), stamp.sum, record)
}

func decodeFile(read []byte) decodedFile {
	end := bytes.IndexByte(read[:min(len(read), mostHeader)], '\n')
	if end < 0 {
		return decodedFile{fault: "it has no header"}
	}
	words := strings.Split(string(read[:end]), " ")
	if len(words) < 2 || words[0] != fileMagic {
		return decodedFile{fault: "it has no header"}
	}
	if format, err := strconv.ParseUint(words[1], 10, 32); err != nil || format < fileFormat {
		return decodedFile{fault: "it has no header"}
	} else if format > fileFormat {
		return decodedFile{newer: format}
	}
	if len(words) != 5 {
		return decodedFile{fault: "it has no header"}
	}
	length, err := strconv.ParseUint(words[3], 10, 63)
	stamp := stampFrom(words[2], words[4])
	record := string(read[end+1:])
	switch {
	case err != nil || stamp == nil:
		return decodedFile{fault: "it has no header"}
	case uint64(len(record)) < length:
		return decodedFile{stamp: stamp, fault: "it is cut short"}
	case uint64(len(record)) > length:
		return decodedFile{stamp: stamp, fault: "it has more bytes than were written"}
	case stampOf(stamp.counter, record) != *stamp:
		return decodedFile{stamp: stamp, fault: "its checksum is wrong"}
	}
	return decodedFile{record: record, stamp: stamp}
}

// Whether these bytes are the beginning of a record file, even if truncated.
func beginsAsFile(read []byte) bool {
	shown := min(len(read), len(fileMagic))
	return shown > 0 && string(read[:shown]) == fileMagic[:shown]
}

// Longer names are shortened to this length, and distinguished by their digest.
const mostName = 120

// Names that Windows reserves for devices.
var devices = []string{"con", "prn", "aux", "nul", "com", "lpt"}

// The file name of a key. Two keys never have the same, on any file system.
func fileNameOf(key string) string {
	var name strings.Builder
	for _, char := range []byte(key) {
		if (char >= 'a' && char <= 'z') || (char >= '0' && char <= '9') || strings.IndexByte("-_@", char) >= 0 {
			name.WriteByte(char)
		} else {
			fmt.Fprintf(&name, "=%02x", char)
		}
	}
	written := name.String()
	if len(written) > mostName {
		return fmt.Sprintf("%s=sha256-%x.json", written[:mostName], sha256.Sum256([]byte(key)))
	}
	if slices.ContainsFunc(devices, func(device string) bool { return strings.HasPrefix(written, device) }) {
		written = fmt.Sprintf("=%02x%s", written[0], written[1:])
	}
	return written + ".json"
}

// The key of a file name, if it belongs to a key and was not shortened.
func keyOf(fileName string) (string, bool) {
	rest, ok := strings.CutSuffix(fileName, ".json")
	if !ok {
		return "", false
	}
	var key []byte
	for len(rest) > 0 {
		if rest[0] != '=' {
			key, rest = append(key, rest[0]), rest[1:]
			continue
		}
		if len(rest) < 3 {
			return "", false
		}
		code, err := strconv.ParseUint(rest[1:3], 16, 8)
		if err != nil {
			return "", false
		}
		key, rest = append(key, byte(code)), rest[3:]
	}
	// The store never writes another spelling of the key.
	return string(key), utf8.Valid(key) && fileNameOf(string(key)) == fileName
}
