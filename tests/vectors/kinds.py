#!/usr/bin/env python3
"""Writes the vectors of what content is: kinds that contradict their type, and markings that data state.

Run from the top of the tree: `python3 tests/vectors/kinds.py`. Everything in them is made up.
"""
import base64
import gzip
import json
import pathlib

HERE = pathlib.Path(__file__).parent / "inspect"
UUID = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
RED, AMBER, STRICT = (
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
)
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
AMBER_1 = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
OWN = f"marking-definition--{UUID}"
TLP2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

TEXT = ("a.txt", "text/plain")
CSV = ("a.csv", "text/csv")
JSON = ("a.json", "application/json")
STIX = ("a.json", "application/stix+json")


def anew(value):
    """As a gateway writes JSON: one member a line, names in order."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def identity(**more):
    return {"type": "identity", "spec_version": "2.1", "id": f"identity--{UUID}", "name": "EXERCISE", **more}


def bundle(*objects):
    return {"type": "bundle", "id": f"bundle--{UUID}", "objects": list(objects)}


def marked(*refs):
    return bundle(identity(object_marking_refs=list(refs)))


def definition(**more):
    common = {"type": "marking-definition", "spec_version": "2.1", "id": OWN, "created": "2026-11-20T00:00:00.000Z"}
    own = {**common, **more}
    return bundle(own, identity(object_marking_refs=[own["id"]]))


def statement(text, **more):
    return definition(definition_type="statement", definition={"statement": text, **more})


def granular(ref):
    return bundle(identity(granular_markings=[{"marking_ref": ref, "selectors": ["name"]}]))


PAYLOAD = bundle({"type": "artifact", "spec_version": "2.1", "id": f"artifact--{UUID}", "payload_bin": "QQ=="})
MISP = {"Event": {"info": "EXERCISE", "distribution": "3", "Tag": [{"name": "tlp:green"}]}}
ALERT = {"alert": {"identifier": "EXERCISE-1", "sender": "EXERCISE", "msgType": "Alert", "scope": "Public"}}
CAP = (
    '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>EXERCISE-1</identifier>'
    "<scope>Restricted</scope><restriction>officials</restriction></alert>\n"
)
LABEL = (
    '<s:originatorConfidentialityLabel xmlns:s="urn:nato:stanag:4774:confidentialitymetadatalabel:1:0">'
    "<s:ConfidentialityInformation><s:PolicyIdentifier>USA</s:PolicyIdentifier><s:Classification>{}</s:Classification>"
    '<s:Category TagName="Releasable To" Type="PERMISSIVE">{}</s:Category></s:ConfidentialityInformation>'
    "<s:CreationDateTime>2026-11-20T00:00:00Z</s:CreationDateTime></s:originatorConfidentialityLabel>"
)
VALUE = "<s:GenericValue>{}</s:GenericValue>"


def label(level, *countries):
    return LABEL.format(level, "".join(VALUE.format(c) for c in countries))


def ism(**attributes):
    return {"report": {f"ism:{name}": value for name, value in attributes.items()} | {"text": "EXERCISE"}}


def cell(text):
    return 'name,note\nAlpha,"' + text.strip().replace('"', '""') + '"\n'


def nested(value):
    return {"note": json.dumps(value)}


def letters(content, width=76):
    """In base64, line by line."""
    text = base64.b64encode(content).decode()
    return "".join(text[at:at + width] + "\n" for at in range(0, len(text), width))


def long(content):
    """The same on one line, shorter than a line of letters may be."""
    return base64.b64encode(content).decode()[:180]


PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n" * 3
ZIP = b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(range(90))
GZIP = gzip.compress(b"EXERCISE. " * 40 + bytes(range(200)), mtime=0)
NOISE = bytes((n * 2654435761 >> 13) & 255 for n in range(900))
HTML = b"<html><body><p>EXERCISE. What nobody looked at.</p></body></html>"
ATTRIBUTE = {"event_id": "1", "type": "text", "value": "EXERCISE", "distribution": "1"}


def csaf(label, **more):
    """The head of an advisory (CSAF 2.0, 3.2.1.5)."""
    tlp = {"label": label, "url": "https://exercise.example/tlp/"}
    return {"document": {"category": "csaf_base", "distribution": {"tlp": tlp, **more}, "title": "EXERCISE"}}


# name: (what it is, name and type, content, what each filter finds, what becomes of it before there is a cut)
VECTORS = {
    # What a text is, against what it is declared as.
    "kind_stix_as_text": ("a bundle marked TLP:RED declared plain text", TEXT, anew(marked(RED)), "KIND MARK", "KIND"),
    "kind_stix_as_json": ("a bundle marked TLP:RED declared JSON", JSON, anew(marked(RED)), "KIND STATED", "KIND"),
    "kind_stix_minified_as_text": ("the same on one line", TEXT, json.dumps(marked(RED)), "KIND MARK", "KIND"),
    "kind_stix_as_csv": ("a bundle declared a table", CSV, json.dumps(marked(GREEN)) + "\n", "csv.form KIND", "KIND"),
    "kind_stix_object_as_text": ("one STIX object by itself", TEXT, anew(identity()), "KIND", "KIND"),
    "kind_stix_object_as_json": ("one STIX object declared JSON", JSON, anew(identity()), "KIND", "KIND"),
    "kind_stix_object_as_stix": ("one STIX object without a bundle", STIX, anew(identity()), "stix.form", "stix.form"),
    "kind_stix_list_as_json": ("STIX objects in a list", JSON, anew([identity()]), "KIND", "KIND"),
    "kind_stix_deep_as_json": ("a bundle inside other JSON", JSON, anew({"a": [bundle()]}), "KIND", "KIND"),
    "kind_stix_nested_as_json": ("a bundle as a text inside JSON", JSON, anew(nested(marked(RED))), "KIND STATED", "KIND"),
    "kind_stix_payload_as_json": ("a file in an artifact, declared JSON", JSON, anew(PAYLOAD), "KIND", "KIND"),
    "kind_stix_payload_as_text": ("a file in an artifact, declared text", TEXT, anew(PAYLOAD), "KIND", "KIND"),
    "kind_stix_in_prose": ("a bundle behind words", TEXT, "EXERCISE:\n" + anew(marked(GREEN)), "WITHIN", "WITHIN"),
    "kind_stix_in_cell": ("a bundle in a cell", CSV, cell(json.dumps(bundle())), "WITHIN", "WITHIN"),
    "kind_json_in_cell": ("an event in a cell", CSV, cell(json.dumps(MISP)), "WITHIN", "WITHIN"),
    "kind_payload_in_json": ("a file in a member of JSON", JSON, anew({"payload_bin": "QQ=="}), "WITHIN", "WITHIN"),
    "kind_misp_as_text": ("a MISP event declared plain text", TEXT, anew(MISP), "KIND", "KIND"),
    "kind_json_as_text": ("JSON declared plain text", TEXT, '{"a": 1}\n', "KIND", "KIND"),
    "kind_json_lines_as_text": ("JSON, a value a line", TEXT, '{"a": 1}\n{"a": 2}\n', "KIND", "KIND"),
    "kind_json_list_as_text": ("a list declared plain text", TEXT, '["EXERCISE"]\n', "KIND", "KIND"),
    "kind_json_as_csv": ("JSON that reads as a table", CSV, "[[1,2]]\n", "KIND", "KIND"),
    "kind_json_as_stix": ("JSON declared STIX", STIX, '{\n "a": 1\n}\n', "KIND stix.form", "KIND"),
    "kind_cap_as_text": ("a CAP alert declared plain text", TEXT, CAP, "KIND", "KIND"),
    "kind_cap_as_json": ("a CAP alert declared JSON", JSON, CAP, "json.form KIND types.shape", "KIND"),
    "kind_cap_in_prose": ("a CAP alert behind words", TEXT, "EXERCISE:\n" + CAP, "WITHIN", "WITHIN"),
    "kind_label_as_text": ("a label of STANAG 4774", TEXT, label("TOP SECRET", "USA") + "\n", "KIND MARK", "KIND"),
    "kind_label_in_cell": ("a label in a cell", CSV, cell(label("SECRET", "USA", "GBR")), "MARK text.run WITHIN", "WITHIN"),
    "kind_ism_as_text": (
        "XML with ISM attributes", TEXT,
        '<doc ism:classification="TS" ism:ownerProducer="USA" ism:disseminationControls="NF">EXERCISE</doc>\n',
        "KIND MARK", "KIND",
    ),
    "kind_ism_in_prose": (
        "an ISM attribute in words", TEXT, 'EXERCISE: <p ism:ownerProducer="GBR">text</p> it says.\n', "WITHIN", "WITHIN",
    ),
    "kind_xml_as_text": ("XML declared plain text", TEXT, "<note><to>EXERCISE</to></note>\n", "KIND", "KIND"),
    "kind_html_as_text": ("HTML declared plain text", TEXT, "<div><p>EXERCISE</p></div>\n", "KIND", "KIND"),
    "kind_html_as_csv": ("HTML declared a table", CSV, "<div>EXERCISE</div>\n", "KIND", "KIND"),
    "kind_table_as_text": ("a table declared plain text", TEXT, "name,class\nAlpha,C\n", "KIND", "KIND"),
    "kind_semicolons_as_text": ("a table parted by semicolons", TEXT, "name;class\nAlpha;C\n", "KIND", "KIND"),
    "kind_semicolons_as_csv": ("a table of one column that is two", CSV, "name;class\nAlpha;C\n", "KIND", "KIND"),
    "kind_mail_as_text": (
        "mail declared plain text", TEXT,
        "From: EXERCISE <desk@exercise.example>\nTo: all@exercise.example\nSubject: EXERCISE\n\nText.\n", "KIND", "KIND",
    ),
    "kind_mail_carried_as_text": (
        "mail with its way", TEXT, "Received: by exercise.example\n with EXERCISE\nSubject: EXERCISE\n\nText.\n", "KIND", "KIND",
    ),
    # Files, data and markup in other letters, or behind other words.
    "kind_base64_pdf": ("a PDF in base64", TEXT, "EXERCISE:\n" + letters(PDF), "WITHIN", "WITHIN"),
    "kind_base64_zip": ("an archive in base64", TEXT, "EXERCISE: " + long(ZIP) + " it says\n", "WITHIN", "WITHIN"),
    "kind_base64_gzip": ("a packed file in base64", TEXT, "EXERCISE: " + long(GZIP) + "\n", "WITHIN", "WITHIN"),
    "kind_base64_stix": ("a bundle in base64 in JSON", JSON, anew({"data": long(json.dumps(marked(RED)).encode())}), "WITHIN", "WITHIN"),
    "kind_base64_html": ("HTML in base64 in JSON", JSON, anew({"data": long(HTML)}), "WITHIN", "WITHIN"),
    "kind_base64_unknown": ("a file in base64 that is nothing known", TEXT, "EXERCISE:\n" + letters(NOISE), "WITHIN", "WITHIN"),
    "kind_base64_cell": ("a PDF in base64 in a cell", CSV, f"name,note\nAlpha,{long(PDF)}\n", "WITHIN", "WITHIN"),
    "kind_hex_text": ("a text in hexadecimal digits", TEXT, "EXERCISE: " + HTML[:48].hex() + "\n", "WITHIN", "WITHIN"),
    "kind_data_address": ("a file in an address", TEXT, "EXERCISE: data:text/html,%3Cb%3E\n", "WITHIN", "WITHIN"),
    "kind_json_in_prose": ("JSON behind words", TEXT, 'EXERCISE: {"a": 1} it says\n', "WITHIN", "WITHIN"),
    "kind_json_lines_in_prose": ("JSON behind a line of words", TEXT, "EXERCISE:\n" + anew({"a": 1}), "WITHIN", "WITHIN"),
    "kind_json_percent": ("JSON in percent signs", TEXT, "EXERCISE: %7B%22a%22%3A1%7D\n", "WITHIN", "WITHIN"),
    "kind_json_unicode": ("JSON in escapes", TEXT, "EXERCISE: \\u007b\\u0022a\\u0022: 1}\n", "WITHIN", "WITHIN"),
    "kind_xml_in_prose": ("XML behind a line of words", TEXT, 'EXERCISE:\n<note a="b">text</note>\n', "WITHIN", "WITHIN"),
    "kind_html_in_prose": ("HTML in words", TEXT, "EXERCISE says <b>so</b> here.\n", "WITHIN", "WITHIN"),
    "kind_html_in_json": ("HTML as a value of JSON", JSON, anew({"a": "<p>EXERCISE</p>"}), "WITHIN", "WITHIN"),
    "kind_stix_yaml": ("a STIX object in YAML", TEXT, f"type: identity\nid: identity--{UUID}\n", "WITHIN", "WITHIN"),
    "kind_mail_dated": (
        "mail with nobody's address", TEXT, "To: desk\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nSubject: EXERCISE\n\nText.\n", "KIND", "KIND",
    ),
    "kind_mail_in_prose": (
        "mail behind words", TEXT, "EXERCISE:\n\nReceived: by exercise.example\nSubject: EXERCISE\n\nText.\n", "WITHIN", "WITHIN",
    ),
    "kind_uuencode": ("a file as older programs write it", TEXT, "EXERCISE:\nbegin 644 exercise.bin\n#0V%T\n`\nend\n", "WITHIN", "WITHIN"),
    # What data state of themselves.
    "stated_stix_red": ("TLP:RED of version 2.0", STIX, anew(marked(RED)), "stix.marking", "stix.marking"),
    "stated_stix_strict": ("TLP:AMBER+STRICT", STIX, anew(marked(STRICT)), "stix.marking", "stix.marking"),
    "stated_stix_amber": ("TLP:AMBER of version 2.0", STIX, anew(marked(AMBER)), "stix.marking", "stix.marking"),
    "stated_stix_amber_first": ("TLP:AMBER of version 1.0", STIX, anew(marked(AMBER_1)), "stix.marking", "stix.marking"),
    "stated_stix_granular": ("a part marked TLP:AMBER", STIX, anew(granular(AMBER)), "stix.marking", "stix.marking"),
    "stated_stix_own_red": (
        "a definition of its own says red", STIX, anew(definition(definition_type="tlp", definition={"tlp": "red"})),
        "MARK STATED UNKNOWN", "MARK STATED UNKNOWN",
    ),
    "stated_stix_other_name": (
        "the identifier of TLP:GREEN, defined as another", STIX,
        anew(definition(id=GREEN, name="TLP:RED", extensions={TLP2: {"extension_type": "property-extension", "tlp_2_0": "green"}})),
        "MARK UNKNOWN", "MARK UNKNOWN",
    ),
    "stated_stix_statement": (
        "a statement in free words", STIX, anew(statement("Not to be passed to any foreign government")), "MARK UNKNOWN", "MARK UNKNOWN",
    ),
    "stated_stix_banner": (
        "a statement with a mark above the attachment's", STIX, anew(statement("MARKING: TOP SECRET//SI//NOFORN")),
        "MARK STATED", "MARK STATED",
    ),
    "stated_stix_level": (
        "a statement for other countries", STIX, anew(statement("MARKING: SECRET//REL TO USA, AUS")), "MARK STATED", "MARK STATED",
    ),
    "stated_stix_more": (
        "a definition that says more", STIX, anew(statement("MARKING: SECRET//REL TO USA, GBR", caveat="EXERCISE eyes")),
        "UNKNOWN", "UNKNOWN",
    ),
    "stated_stix_nothing": ("a reference that leads to nothing", STIX, anew(marked(OWN)), "UNKNOWN", "UNKNOWN"),
    "stated_stix_granular_nothing": ("a part with such a reference", STIX, anew(granular(OWN)), "UNKNOWN", "UNKNOWN"),
    "stated_stix_other_reference": (
        "markings that are none", STIX, anew(marked(f"identity--{UUID}")), "UNKNOWN", "UNKNOWN",
    ),
    "stated_json_tlp": ("a TLP member", JSON, anew({"tlp": "amber"}), "MARK STATED", "MARK STATED"),
    "stated_json_tlp_other": ("a TLP member with no label", JSON, anew({"tlp_level": "orange"}), "MARK UNKNOWN", "MARK UNKNOWN"),
    "stated_json_reference": ("a reference from other JSON", JSON, anew({"marking": STRICT}), "STATED", "STATED"),
    "stated_misp_tag": (
        "an event with the tag tlp:red", JSON, anew({"Event": {"info": "EXERCISE", "Tag": [{"name": "tlp:red"}]}}), "MARK STATED", "MARK STATED",
    ),
    "stated_misp_other_tag": (
        "an event with a classification in a tag", JSON,
        anew({"Event": {"info": "EXERCISE", "Tag": [{"name": "de-vs:EXERCISE"}]}}), "UNKNOWN", "UNKNOWN",
    ),
    "stated_misp_organisation": (
        "an event for one organisation", JSON, anew({"Event": {"info": "EXERCISE", "distribution": "0"}}), "STATED", "STATED",
    ),
    "stated_misp_group": (
        "an event for a group", JSON, anew({"Event": {"info": "EXERCISE", "distribution": "4", "sharing_group_id": "7"}}),
        "STATED", "STATED",
    ),
    "stated_misp_nested": (
        "an event as a text inside JSON", JSON, anew(nested({"Event": {"info": "EXERCISE", "distribution": "0"}})), "STATED", "STATED",
    ),
    "stated_misp_file": (
        "an event with a file", JSON,
        anew({"Event": {"info": "EXERCISE", "Attribute": [{"type": "attachment", "data": "QQ=="}]}}), "STATED", "STATED",
    ),
    "stated_cap_private": (
        "an alert to its addresses", JSON, anew({"alert": {"msgType": "Alert", "scope": "Private"}}), "STATED", "STATED",
    ),
    "stated_cap_restricted": (
        "an alert with a rule in words", JSON,
        anew({"alert": {"msgType": "Alert", "scope": "Restricted", "restriction": "officials"}}), "MARK UNKNOWN", "MARK UNKNOWN",
    ),
    "stated_ism": (
        "ISM attributes in JSON", JSON, anew(ism(classification="S", ownerProducer="USA", disseminationControls="NF")),
        "MARK STATED", "MARK STATED",
    ),
    "stated_ism_unknown": (
        "an ISM attribute that nobody knows", JSON, anew(ism(ownerProducer="USA", classification="U", exercise="1")),
        "UNKNOWN", "UNKNOWN",
    ),
    "stated_label_text": (
        "a label in XML in a member", JSON, anew({"label": label("TOP SECRET", "USA", "GBR")}), "MARK STATED text.run WITHIN", "WITHIN",
    ),
    "stated_label_json": (
        "a label in JSON", JSON, anew({"originatorConfidentialityLabel": {"PolicyIdentifier": "USA"}}), "UNKNOWN", "UNKNOWN",
    ),
    "stated_text_amber": ("a TLP label in text", TEXT, "TLP:AMBER\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_text_reference": ("a marking definition in text", TEXT, f"EXERCISE: {RED}\n", "MARK", "MARK"),
    "stated_text_reference_unknown": ("one that nobody knows", TEXT, f"EXERCISE: {OWN}\n", "MARK", "MARK"),
    "stated_csv_reference": ("a marking definition in a cell", CSV, f"name,marks\nAlpha,{STRICT}\n", "MARK", "MARK"),
    "stated_csv_amber": ("a TLP label in a cell", CSV, "name,share\nAlpha,TLP:AMBER+STRICT\n", "MARK", "MARK"),
    "stated_csv_column": ("a column of TLP labels", CSV, "name,tlp\nAlpha,green\nBravo,red\n", "MARK", "MARK"),
    # Labels and restrictions in words.
    "stated_words_tlp": ("a label in words", TEXT, "Traffic Light Protocol: AMBER+STRICT\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_level": ("a sentence about it", TEXT, "EXERCISE. The TLP level of this report is red.\n", "MARK", "MARK"),
    "stated_words_tlp_behind": ("a label before the name", TEXT, "RED (TLP)\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_version": ("the version between", TEXT, "TLP v2.0: red\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_two": ("two labels in one", TEXT, "TLP:GREEN/RED\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_broken": ("a label broken at the end of a line", TEXT, "TLP:AM-\nBER\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_none": ("a label that there is not", TEXT, "TLP:ORANGE\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_glued": ("a label glued to the name", TEXT, "report_tlpRed by EXERCISE\n", "MARK", "MARK"),
    "stated_words_tlp_letters": ("a name in letters", TEXT, "T.L.P.: RED\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_split": ("a name broken before its last letter", TEXT, "TL P:RED\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_tlp_hyphen": ("a name broken at the end of a line", TEXT, "TL-\nP:RED\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_hyphen": (
        "a restriction broken at the end of a line", TEXT, "EXERCISE. Do not for-\nward this report.\n", "MARK", "MARK",
    ),
    "stated_words_pap": ("a label of actions", TEXT, "PAP:RED\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_words_sharing": ("a field of sharing", TEXT, "sharing: amber\ntitle: EXERCISE\n", "MARK", "MARK"),
    "stated_words_foreign": ("no foreign government", TEXT, "Not to be passed to any foreign government\n", "MARK", "MARK"),
    "stated_words_onward": ("no onward distribution", TEXT, "EXERCISE.\nNot for onward distribution.\n", "MARK", "MARK"),
    "stated_words_eyes": ("eyes of one nation", TEXT, "EXERCISE, for UK eyes only.\n", "MARK", "MARK"),
    "stated_words_consent": (
        "consent before more", TEXT, "Originator's consent required before further distribution.\n", "MARK", "MARK",
    ),
    "stated_words_third": ("no third parties", TEXT, "EXERCISE. Do not share with third parties.\n", "MARK", "MARK"),
    "stated_words_restricted": ("a narrow distribution", TEXT, "Restricted distribution\n\nEXERCISE.\n", "MARK", "MARK"),
    "stated_csv_words": ("a restriction in a cell", CSV, "name,note\nAlpha,Not for further dissemination\n", "MARK", "MARK"),
    "stated_csv_sharing": ("a column of sharing", CSV, "name,sharing\nAlpha,green\nBravo,red\n", "MARK", "MARK"),
    # What members say by their names.
    "stated_csaf_amber": ("an advisory with TLP:AMBER", JSON, anew(csaf("AMBER")), "MARK STATED", "MARK STATED"),
    "stated_csaf_text": ("an advisory with more to heed", JSON, anew(csaf("GREEN", text="EXERCISE staff")), "UNKNOWN", "UNKNOWN"),
    "stated_json_light": ("traffic_light", JSON, anew({"traffic_light": "AMBER"}), "MARK STATED", "MARK STATED"),
    "stated_json_sharing": ("sharing", JSON, anew({"sharing": "red"}), "MARK STATED", "MARK STATED"),
    "stated_json_pap": ("pap", JSON, anew({"pap": "RED"}), "MARK STATED", "MARK STATED"),
    "stated_json_caveat": ("a caveat in words", JSON, anew({"caveats": ["EXERCISE staff"]}), "UNKNOWN", "UNKNOWN"),
    "stated_json_release": ("release to others", JSON, anew({"release": {"to": ["USA", "CAN"]}}), "STATED", "STATED"),
    "stated_json_release_none": ("release to nobody", JSON, anew({"releasableTo": "none"}), "STATED", "STATED"),
    "stated_json_release_empty": ("release to an empty list", JSON, anew({"releasable_to": []}), "STATED", "STATED"),
    "stated_json_releasable_no": ("no, in words", JSON, anew({"releasable": "no"}), "STATED", "STATED"),
    "stated_json_level": ("a classification in numbers", JSON, anew({"security": {"level": 3}}), "UNKNOWN", "UNKNOWN"),
    "stated_json_behind": ("JSON behind words in a text", JSON, anew({"note": 'EXERCISE: {"sharing": "red"}'}), "MARK STATED", "MARK STATED"),
    "stated_misp_bare": (
        "an event outside its member", JSON, anew({"info": "EXERCISE", "distribution": "0", "threat_level_id": "1"}), "STATED", "STATED",
    ),
    "stated_misp_attributes": ("attributes by themselves", JSON, anew({"response": {"Attribute": [ATTRIBUTE]}}), "STATED", "STATED"),
    "stated_misp_inherits": (
        "an event that inherits from nothing", JSON, anew({"Event": {"info": "EXERCISE", "distribution": "5"}}), "UNKNOWN", "UNKNOWN",
    ),
    # What passes beside them.
    "sound_kind_green": ("a bundle marked TLP:GREEN", STIX, anew(marked(GREEN)), "pass", "rebuilt"),
    "sound_kind_green_defined": (
        "a bundle with the definition of its label", STIX,
        anew(definition(id=GREEN, created="2022-10-01T00:00:00.000Z", name="TLP:GREEN",
                        extensions={TLP2: {"extension_type": "property-extension", "tlp_2_0": "green"}})),
        "pass", "rebuilt",
    ),
    "sound_kind_banner": (
        "a statement that the attachment's mark covers", STIX, anew(statement("MARKING: SECRET//REL TO USA, GBR")), "pass", "rebuilt",
    ),
    "sound_kind_granular": ("a part marked TLP:GREEN", STIX, anew(granular(GREEN)), "pass", "rebuilt"),
    "sound_kind_misp": ("a MISP event for all, with the tag tlp:green", JSON, anew(MISP), "pass", "rebuilt"),
    "sound_kind_alert": ("a public alert in JSON", JSON, anew(ALERT), "pass", "rebuilt"),
    "sound_kind_ism": (
        "ISM attributes that the attachment's mark covers", JSON,
        anew(ism(classification="S", ownerProducer="USA", disseminationControls="REL", releasableTo="USA GBR")), "pass", "rebuilt",
    ),
    "sound_kind_tlp": ("a TLP member", JSON, anew({"tlp": "green"}), "pass", "rebuilt"),
    "sound_kind_column": ("a column of TLP labels", CSV, "name,tlp\nAlpha,green\nBravo,white\n", "pass", "rebuilt"),
    "sound_kind_text": (
        "words that begin like data, markup, mail and tables", TEXT,
        "[1] EXERCISE report.\nFrom: EXERCISE desk\nTo: all\nAlpha, Bravo\nTLP:GREEN\n< 3 vessels > 2 boats [2]\n", "pass", "rebuilt",
    ),
    "sound_kind_csaf": ("an advisory with TLP:GREEN", JSON, anew(csaf("GREEN", text="Distribute freely.")), "pass", "rebuilt"),
    "sound_kind_members": (
        "names and words that restrain nobody", JSON,
        anew({"caveats": [], "distribution": "northern", "handling": "with gloves", "pap": "clear",
              "tlp_version": "2.0", "traffic_light": "green", "water": {"level": 3}}),
        "pass", "rebuilt",
    ),
    "sound_kind_words": (
        "words that speak of TLP, of passing on, and of data", TEXT,
        "EXERCISE. This follows the TLP of FIRST.\nTLP v2.0: green\nThe traffic light was red.\n"
        "They did not share the results with third parties.\nThe species has a restricted distribution.\n"
        "a < b > c, {a}, begin 12 km away, data: 1, 2\nTo: all\nSubject: EXERCISE\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
        "pass", "rebuilt",
    ),
    "sound_kind_release": (
        "releasable to all, and caveats that are none", JSON,
        anew({"caveats": "none", "releasableTo": "all", "shareable": "yes"}), "pass", "rebuilt",
    ),
    "sound_kind_broken": (
        "words broken at the ends of lines", TEXT, "EXERCISE. The red boats went for-\nward to the traf-\nfic light.\n", "pass", "rebuilt",
    ),
    "sound_kind_columns": ("columns with empty cells", CSV, "tlp,name,sharing\n,Red,green\ngreen,Alpha,\n", "pass", "rebuilt"),
    "sound_kind_reference": ("a marking definition that is TLP:GREEN, in text", TEXT, f"EXERCISE: {GREEN}\n", "pass", "rebuilt"),
}

CODES = {
    "KIND": "types.kind", "WITHIN": "types.within", "MARK": "marks.attachment", "STATED": "marks.stated", "UNKNOWN": "marks.unknown",
}


def codes(text):
    return " ".join(sorted(CODES.get(word, word) for word in text.split()))


for name, (why, (file, media_type), content, expect, prepared) in VECTORS.items():
    head = f"why: {why}\nattachment: {file} {media_type}\nexpect: {codes(expect)}\nprepared: {codes(prepared)}\n===\n"
    (HERE / f"{name}.txt").write_text(head + content.replace("\\", "\\\\"), encoding="utf-8")
