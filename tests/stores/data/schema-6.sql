-- What the sixth schema's version wrote: its tables, and what stood in them. It never changes.
BEGIN TRANSACTION;
CREATE TABLE charges (
        incident TEXT NOT NULL, number INTEGER NOT NULL, domain TEXT NOT NULL,
        boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL,
        PRIMARY KEY (incident, number));
INSERT INTO "charges" VALUES('one',1,'carol','0b4e9d1a-1a2b-4c3d-8e4f-001122334455',1006.0,1800000006.0);
CREATE TABLE entries (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, seq)) WITHOUT ROWID;
INSERT INTO "entries" VALUES('one',1,'{"value":{"seq":1,"at":[0,1000.0,1800000000.0],"phase":"suspected","text":"suspected","tell":null,"servers":null,"outcome":"","cause":""},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
INSERT INTO "entries" VALUES('one',2,'{"value":{"seq":2,"at":[0,1001.0,1800000001.0],"phase":"suspected","text":"and so","tell":null,"servers":[{"id":"s1","name":"name-s1","project":"project","status":"ACTIVE","vm_state":"","task_state":"","fault":"","locked":false,"volume":null,"tags":{},"unread":""}],"outcome":"","cause":""},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
INSERT INTO "entries" VALUES('two',1,'{"value":{"seq":1,"at":[0,1010.0,1800000010.0],"phase":"suspected","text":"two begins","tell":null,"servers":null,"outcome":"","cause":""},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
INSERT INTO "entries" VALUES('two',2,'{"value":{"seq":2,"at":[0,1020.0,1800000020.0],"phase":"dismissed","text":"over","tell":null,"servers":null,"outcome":"","cause":""},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
CREATE TABLE evacuations (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        server TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, server)) WITHOUT ROWID;
INSERT INTO "evacuations" VALUES('one','s1','{"value":{"server":{"id":"s1","name":"name-s1","project":"project","status":"ACTIVE","vm_state":"","task_state":"","fault":"","locked":false,"volume":null,"tags":{},"unread":""},"stage":"posting","since":[0,1008.0,1800000008.0],"attempt":2,"failures":1,"not_before":[0,1009.0,1800000009.0],"known":[17,18],"migration":0,"to":"","why":"déjà vu","rank":0,"final":false,"unsent":2,"sent_at":[0,1007.0,1800000007.0],"hold_until":[0,1012.0,1800000012.0],"to_at":[0,1010.0,1800000010.0],"left":["cmp-8"]},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
INSERT INTO "evacuations" VALUES('one','s2','{"value":{"server":{"id":"s2","name":"name-s2","project":"project","status":"ACTIVE","vm_state":"","task_state":"","fault":"","locked":false,"volume":null,"tags":{},"unread":""},"stage":"waiting","since":[0,1008.0,1800000008.0],"attempt":2,"failures":1,"not_before":[0,1009.0,1800000009.0],"known":[17,18],"migration":0,"to":"","why":"déjà vu","rank":0,"final":false,"unsent":2,"sent_at":[0,1007.0,1800000007.0],"hold_until":[0,1012.0,1800000012.0],"to_at":[0,1010.0,1800000010.0],"left":["cmp-8"]},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
CREATE TABLE evidence (
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        source TEXT NOT NULL, fingerprint TEXT NOT NULL,
        verdict TEXT NOT NULL, summary TEXT NOT NULL, incident TEXT,
        first TEXT NOT NULL, last TEXT NOT NULL, last_wall_s REAL NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (cloud, host, source, fingerprint));
INSERT INTO "evidence" VALUES('default','cmp-1','am','f00','down','down','one','{"value":[0,1000.0,1800000000.0],"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}','{"value":[0,1000.0,1800000000.0],"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}',1800000000.0,1);
CREATE TABLE evidence_keys (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        source TEXT NOT NULL, fingerprint TEXT NOT NULL,
        verdict TEXT NOT NULL, incident TEXT,
        boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL);
INSERT INTO "evidence_keys" VALUES(1,'k1','default','cmp-1','am','f00','down','one','0b4e9d1a-1a2b-4c3d-8e4f-001122334455',1000.0,1800000000.0);
CREATE TABLE host_tasks (
        kind TEXT NOT NULL, cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, cloud, host)) WITHOUT ROWID;
CREATE TABLE incidents (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        phase TEXT NOT NULL, version INTEGER NOT NULL,
        opened_wall_s REAL NOT NULL,
        ended_wall_s REAL, -- NULL: it is open
        head TEXT NOT NULL);
INSERT INTO "incidents" VALUES(1,'one','default','cmp-1','suspected',1,1800000000.0,NULL,'{"value":{"id":"one","host":{"cloud":"default","name":"cmp-1"},"opened_at":[0,1000.0,1800000000.0],"phase_at":[0,1000.0,1800000000.0],"progress_at":[0,1000.0,1800000000.0],"grace_from":[0,1000.0,1800000000.0],"phase":"suspected","retry_at":null,"words":{"am/f00":{"verdict":"down","source":"am","kind":"alertmanager","trust":"second","first":[0,1000.0,1800000000.0],"last":[0,1001.0,1800000001.0],"count":2,"claimed_s":1.0,"summary":"déjà vu"}},"ordered_at":null,"life_at":null,"service":"","first":null,"sighting":{"uuid":"a-uuid","state":"down","status":"disabled","forced_down":true,"reason":"doctor-daemon one","updated_s":1.5,"asked_at":[0,1008.0,1800000008.0]},"shown":null,"looks":0,"look_failures":0,"look_at":null,"fencing":{"number":1,"level":1,"nth":1,"digest":"d1","since":[0,1005.0,1800000005.0],"go_at":[0,1006.0,1800000006.0],"devices":{"bmc":{"identity":{"uuid":"4c4c4544-0042-3510-8054-b4c04f445931","serial":"SN1","name":"System","model":"R640"},"failure":"","cut":"accepted","cut_at":[0,1006.0,1800000006.0],"readings":[{"power":"off","raw":"Off","asked_at":[0,1007.0,1800000007.0],"answered_at":[0,1007.5,1800000007.5]}],"reads":1}}},"tries":0,"cut_started":[0,1006.0,1800000006.0],"charges":[[0,1006.0,1800000006.0]],"refences":0,"proof":{"kind":"power","incident":"one","attempt":1,"digest":"d1","taken_at":[0,1007.0,1800000007.0],"valid_until":[0,1037.0,1800000037.0],"devices":[{"device":"bmc","identity":{"uuid":"4c4c4544-0042-3510-8054-b4c04f445931","serial":"SN1","name":"System","model":"R640"},"cut_at":[0,1006.0,1800000006.0],"readings":[{"power":"off","raw":"Off","asked_at":[0,1007.0,1800000007.0],"answered_at":[0,1007.5,1800000007.5]}]}],"by":"","why":""},"marking":{"number":1,"failures":0,"before":{"uuid":"a-uuid","state":"down","status":"disabled","forced_down":true,"reason":"doctor-daemon one","updated_s":1.5,"asked_at":[0,1008.0,1800000008.0]},"disable":true,"put_at":null,"put":"unknown","rereading_since":null},"held":null,"closing":null,"servers_wall_s":1800000000.0,"listings":0,"rounds":{"guarded_from":null,"renew_from":null,"inspections":0,"inspected_at":null,"told_at":null,"follows":2,"failures":3,"ask_at":null,"tagged":false,"barred":{"gate":"budget","why":"all is used","frees":"wait","out_of":null}},"release":{"step":"checking","ordered":true,"called_off":false,"powered":false,"returns":0,"alive_since":null,"accepted":[],"began":null,"lifted_at":null,"number":0,"put":null,"put_at":null,"accusers":[],"accused_at":null,"alive_at":null,"again":false,"reports":0,"inspected_at":null,"open":[],"bound":[],"done":[],"stale":[],"old":[],"switching":null},"retirement":{"by":"carol","why":"scrapped","since":[0,1050.0,1800000050.0],"step_at":[0,1051.0,1800000051.0],"number":7,"step":"showing","ask_at":null,"failures":0,"error":"","left":{"asked_at":[0,1052.0,1800000052.0],"listed":true,"forced_down":false,"servers":["s1"],"transits":["resize 4 of s1 (finished)"]},"reported":false,"sent":0,"put":"unknown"},"version":1},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
INSERT INTO "incidents" VALUES(2,'two','default','cmp-2','dismissed',2,1800000010.0,1800000020.0,'{"value":{"id":"two","host":{"cloud":"default","name":"cmp-2"},"opened_at":[0,1010.0,1800000010.0],"phase_at":[0,1020.0,1800000020.0],"progress_at":[0,1020.0,1800000020.0],"grace_from":[0,1010.0,1800000010.0],"phase":"dismissed","retry_at":null,"words":{},"ordered_at":null,"life_at":null,"service":"","first":null,"sighting":null,"shown":null,"looks":0,"look_failures":0,"look_at":null,"fencing":null,"tries":0,"cut_started":null,"charges":[],"refences":0,"proof":null,"marking":{"number":0,"failures":0,"before":null,"disable":null,"put_at":null,"put":null,"rereading_since":null},"held":null,"closing":null,"servers_wall_s":0.0,"listings":0,"rounds":{"guarded_from":null,"renew_from":null,"inspections":0,"inspected_at":null,"told_at":null,"follows":0,"failures":0,"ask_at":null,"tagged":false,"barred":null},"release":{"step":"checking","ordered":true,"called_off":false,"powered":false,"returns":0,"alive_since":null,"accepted":[],"began":null,"lifted_at":null,"number":0,"put":null,"put_at":null,"accusers":[],"accused_at":null,"alive_at":null,"again":false,"reports":0,"inspected_at":null,"open":[],"bound":[],"done":[],"stale":[],"old":[],"switching":null},"retirement":null,"version":2},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
CREATE TABLE maintenance (
        cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (cloud, host)) WITHOUT ROWID;
INSERT INTO "maintenance" VALUES('default','cmp-9','{"value":{"host":{"cloud":"default","name":"cmp-9"},"by":"carol","why":"new board","until":[0,1060.0,1800000060.0]},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        term INTEGER NOT NULL,
        armed TEXT,
        boot_id TEXT, boot_s REAL, wall_s REAL);
INSERT INTO "meta" VALUES(1,1,'{"value":{"on":true,"by":"carol","at":[0,1000.0,1800000000.0],"why":"tested"},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}','0b4e9d1a-1a2b-4c3d-8e4f-001122334455',1020.0,1800000020.0);
CREATE TABLE notices (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        consumer TEXT NOT NULL, project TEXT NOT NULL,
        cloud TEXT NOT NULL, host TEXT NOT NULL, incident TEXT NOT NULL,
        kind TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
        gap_before INTEGER NOT NULL,
        made_at TEXT, evidence_at TEXT, made_wall_s REAL, late INTEGER NOT NULL DEFAULT 0,
        UNIQUE (consumer, cloud, host, sequence));
INSERT INTO "notices" VALUES(1,'msg-vnfm-cmp-1-1','vnfm','','default','cmp-1','one','suspected',1,'{"text": "déjà vu"}','dead',9,'410 Gone',0,'{"value":[0,1001.0,1800000001.0],"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}','{"value":[0,1000.0,1800000000.0],"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}',1800000001.0,0);
INSERT INTO "notices" VALUES(2,'msg-vnfm-cmp-1-2','vnfm','','default','cmp-1','one','suspected',2,'{"text": "déjà vu"}','pending',0,'',0,'{"value":[0,1002.0,1800000002.0],"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}','{"value":[0,1000.0,1800000000.0],"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}',1800000002.0,0);
CREATE TABLE sequences (
        consumer TEXT NOT NULL, cloud TEXT NOT NULL, host TEXT NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (consumer, cloud, host)) WITHOUT ROWID;
INSERT INTO "sequences" VALUES('vnfm','default','cmp-1',2);
CREATE TABLE servers (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, id)) WITHOUT ROWID;
INSERT INTO "servers" VALUES('one','s1','{"value":{"id":"s1","name":"name-s1","project":"project","status":"ACTIVE","vm_state":"","task_state":"","fault":"","locked":false,"volume":null,"tags":{},"unread":""},"boots":[]}');
INSERT INTO "servers" VALUES('one','s2','{"value":{"id":"s2","name":"name-s2","project":"project","status":"ACTIVE","vm_state":"","task_state":"","fault":"","locked":false,"volume":null,"tags":{},"unread":""},"boots":[]}');
CREATE TABLE spent (
        source TEXT NOT NULL, nonce TEXT NOT NULL, signed_s INTEGER NOT NULL,
        PRIMARY KEY (source, nonce)) WITHOUT ROWID;
INSERT INTO "spent" VALUES('am','b',7);
CREATE TABLE spent_floors (
        source TEXT PRIMARY KEY, signed_s INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "spent_floors" VALUES('am',3);
CREATE TABLE upkeep (
        cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (cloud, host)) WITHOUT ROWID;
INSERT INTO "upkeep" VALUES('default','cmp-7','{"value":{"host":{"cloud":"default","name":"cmp-7"},"id":"m1","turn":"begun","at":[0,1004.0,1800000004.0],"heard":[]},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
CREATE TABLE volume_records (
        kind TEXT NOT NULL, number INTEGER NOT NULL,
        over INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, number)) WITHOUT ROWID;
INSERT INTO "volume_records" VALUES('order',1,0,'{"value":{"number":1,"by":"ann","why":"CHG-1","at":[0,1001.0,1800000001.0],"wish":{"act":"thaw","target":{"host":"cmp-1@ceph","binary":"cinder-volume","cluster":""},"to":"","reason":"","enable":false},"levels":null,"kept":[{"binary":"cinder-volume","host":"cmp-1@ceph","status":"disabled","state":"up","zone":"","reason":"rack move","updated_at":"","frozen":false,"replication":"","backend":"","cluster":""}],"finding":null,"until":null,"before":[],"put_back":null},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
INSERT INTO "volume_records" VALUES('task',1,0,'{"value":{"number":1,"incident":"one","round":0,"host":{"cloud":"default","name":"cmp-1"},"service":"cmp-1@ceph","reason":"doctor-daemon:one:","since":[0,1007.0,1800000007.0],"learned":7,"cluster":"","to":"spare","stage":"down","sent":false,"again":true,"failures":0,"retry_at":[0,1009.0,1800000009.0],"ours":false,"froze":false,"missing":1,"barred":true,"seen":null,"reports":0,"why":"","frees":"","out_of":null,"story":[{"at":[0,1008.0,1800000008.0],"text":"it is to be disabled"}]},"boots":["0b4e9d1a-1a2b-4c3d-8e4f-001122334455"]}');
CREATE UNIQUE INDEX open_incidents ON incidents (cloud, host) WHERE ended_wall_s IS NULL;
CREATE INDEX ended_incidents ON incidents (ended_wall_s, seq);
CREATE INDEX incidents_of_host ON incidents (cloud, host, seq);
CREATE INDEX pending_notices ON notices (seq) WHERE state = 'pending';
CREATE INDEX notices_of_incident ON notices (incident);
CREATE INDEX dead_notices ON notices (seq, consumer) WHERE state = 'dead';
CREATE INDEX spent_by_age ON spent (source, signed_s);
COMMIT;
