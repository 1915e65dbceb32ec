-- A workspace with :rows rows in each list, among twenty small ones, over the 90 days before :now.
-- Loaded without the indexes that are no constraints, which are made again in the end.
CREATE TEMPORARY TABLE indexes AS
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND indexname LIKE '%\_idx'
        AND tablename IN ('conversation_usage', 'mcp_http_calls', 'import_usage', 'credit_adjustments');

DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT indexname FROM indexes LOOP EXECUTE 'DROP INDEX ' || name; END LOOP;
END $$;

CREATE FUNCTION pg_temp.key(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('00000000-0000-7000-800' || kind || '-' || lpad(to_hex(number), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.dice(number bigint, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS
    $$ SELECT 1 + ((hashint8(number * sides) & 1048575) % sides) $$;

INSERT INTO users (id, subject, name, email, created_at)
    SELECT pg_temp.key(1, g), 'user ' || g,
        (ARRAY['Ada', 'Bo', 'Chidi', 'Dana', 'Emre'])[1 + g % 5] || ' '
            || (ARRAY['Lindqvist', 'Okafor', 'Tanaka', 'Silva', 'Novak', 'Meyer', 'Haddad'])[1 + g % 7],
        'user' || g || '@example.com', :now
    FROM generate_series(1, 100) g;
INSERT INTO workspaces (id, name, created_at)
    SELECT pg_temp.key(0, g), 'Workspace ' || g, :now FROM generate_series(1, 21) g;
INSERT INTO memberships (workspace_id, user_id, role, created_at)
    SELECT workspaces.id, users.id, 'MEMBER', :now FROM workspaces, users;
INSERT INTO api_keys (workspace_id, id, external_id, name, created_at)
    SELECT workspaces.id, pg_temp.key(2, g), 'key ' || g, 'Key ' || g, :now
    FROM workspaces, generate_series(1, 10) g;

-- Of every eleven rows, ten are the large workspace's.
CREATE TEMPORARY TABLE rows AS
    SELECT number, pg_temp.key(0, CASE WHEN number % 11 > 0 THEN 1 ELSE 2 + number / 11 % 20 END) AS workspace_id,
        pg_temp.key(3, number) AS id, pg_temp.key(1, pg_temp.dice(number, 100)) AS user_id,
        pg_temp.dice(number, 900) AS credits,
        :now - interval '90 days' + interval '90 days' * number / (:rows * 1.1) AS time
    FROM generate_series(1, (:rows * 1.1)::bigint) number;

INSERT INTO conversation_usage (workspace_id, id, conversation_id, title, user_id, billing_type,
        message_count, credits, created_at, updated_at)
    SELECT workspace_id, id, 'conv_' || md5(number::text),
        (ARRAY['Quarterly report draft', 'Refactor of the import job', 'Question about invoice',
            'Trip plan', 'Unit tests for the parser', 'Customer call summary', 'SQL help']
        )[pg_temp.dice(number, 7)] || ' ' || number,
        user_id,
        (ARRAY['IMAGE_GENERATION', 'VIDEO_GENERATION', 'MESSAGE', 'MESSAGE', 'MESSAGE', 'MESSAGE',
            'MESSAGE', 'MESSAGE', 'MESSAGE', 'MESSAGE'])[pg_temp.dice(number, 10)],
        pg_temp.dice(number, 60), credits, time, time
    FROM rows;
INSERT INTO mcp_http_calls (workspace_id, id, call_id, api_key_id, user_id, credits, created_at)
    SELECT workspace_id, id, 'call_' || number, pg_temp.key(2, pg_temp.dice(number, 10)), user_id,
        credits, time
    FROM rows;
INSERT INTO import_usage (workspace_id, id, task_id, import_type, import_url, user_id, credits, created_at)
    SELECT workspace_id, id, 'task_' || number, (ARRAY['BRAND', 'PRODUCT'])[pg_temp.dice(number, 2)],
        'https://example.com/' || number, user_id, credits, time
    FROM rows;
INSERT INTO credit_adjustments (workspace_id, entry_number, source_key, type, amount, unpaid,
        balance_after, detail, description, created_at)
    SELECT workspace_id, number, 'source ' || number,
        (ARRAY['ADMIN_ADJUSTMENT', 'PACKAGE_RESET', 'CREDIT_PACKAGE_PURCHASE', 'CREDIT_EXPIRATION',
            'REFERRAL_SIGNUP_REWARD'])[pg_temp.dice(number, 5)],
        credits - 450, 0, 0, '{}', '', time
    FROM rows;

DO $$ DECLARE definition text; BEGIN
    FOR definition IN SELECT indexdef FROM indexes LOOP EXECUTE definition; END LOOP;
END $$;
