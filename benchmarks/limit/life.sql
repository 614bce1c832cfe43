-- One life: filed with two lines, then moved five times; a round trip for each statement, six transactions.
\set oid random(1, 100000000)
BEGIN;
INSERT INTO returns (order_id, state) VALUES (:oid, 'requested') RETURNING id AS rid \gset
INSERT INTO return_line (return_id, sku, qty, reason) VALUES (:rid, 'SKU-1', 1, 'damaged');
INSERT INTO return_line (return_id, sku, qty, reason) VALUES (:rid, 'SKU-2', 2, 'wrong_size');
INSERT INTO return_event (return_id, from_state, to_state, actor) VALUES (:rid, NULL, 'requested', 'customer');
COMMIT;
BEGIN;
SELECT state FROM returns WHERE id = :rid FOR UPDATE;
UPDATE returns SET state = 'approved', version = version + 1, updated_at = now() WHERE id = :rid;
INSERT INTO return_event (return_id, from_state, to_state, actor, payload)
    VALUES (:rid, 'requested', 'approved', 'agent', '{"note":"ok"}');
INSERT INTO outbox (topic, payload)
    VALUES ('return.approved', jsonb_build_object('return_id', :rid::bigint, 'state', 'approved'));
COMMIT;
BEGIN;
SELECT state FROM returns WHERE id = :rid FOR UPDATE;
UPDATE returns SET state = 'label_sent', version = version + 1, updated_at = now() WHERE id = :rid;
INSERT INTO return_event (return_id, from_state, to_state, actor, payload)
    VALUES (:rid, 'approved', 'label_sent', 'agent', '{"note":"ok"}');
INSERT INTO outbox (topic, payload)
    VALUES ('return.label_sent', jsonb_build_object('return_id', :rid::bigint, 'state', 'label_sent'));
COMMIT;
BEGIN;
SELECT state FROM returns WHERE id = :rid FOR UPDATE;
UPDATE returns SET state = 'received', version = version + 1, updated_at = now() WHERE id = :rid;
INSERT INTO return_event (return_id, from_state, to_state, actor, payload)
    VALUES (:rid, 'label_sent', 'received', 'agent', '{"note":"ok"}');
INSERT INTO outbox (topic, payload)
    VALUES ('return.received', jsonb_build_object('return_id', :rid::bigint, 'state', 'received'));
COMMIT;
BEGIN;
SELECT state FROM returns WHERE id = :rid FOR UPDATE;
UPDATE returns SET state = 'inspected', version = version + 1, updated_at = now() WHERE id = :rid;
INSERT INTO return_event (return_id, from_state, to_state, actor, payload)
    VALUES (:rid, 'received', 'inspected', 'agent', '{"note":"ok"}');
INSERT INTO outbox (topic, payload)
    VALUES ('return.inspected', jsonb_build_object('return_id', :rid::bigint, 'state', 'inspected'));
COMMIT;
BEGIN;
SELECT state FROM returns WHERE id = :rid FOR UPDATE;
UPDATE returns SET state = 'refunded', version = version + 1, updated_at = now() WHERE id = :rid;
INSERT INTO return_event (return_id, from_state, to_state, actor, payload)
    VALUES (:rid, 'inspected', 'refunded', 'agent', '{"note":"ok"}');
INSERT INTO outbox (topic, payload)
    VALUES ('return.refunded', jsonb_build_object('return_id', :rid::bigint, 'state', 'refunded'));
COMMIT;
