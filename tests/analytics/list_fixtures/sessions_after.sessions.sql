WITH
(
SELECT if(uniqExactIf((ends.at, ends.session), ends.done > 0) >= {limit:UInt32}, min(ends.at), toDateTime64(0, 3, 'UTC'))
FROM
(
SELECT visit.session_started_at AS at, visit.session_id AS session, visit.views + visit.events AS done
FROM sessions AS visit
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND visit.session_started_at <= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (visit.session_started_at < fromUnixTimestamp64Milli({after:Int64}, 'UTC')
        OR visit.session_id < {after_id:UInt64})
ORDER BY visit.session_started_at DESC, visit.session_id DESC
LIMIT {reach:UInt32}
) AS ends
) AS earliest
SELECT
    visit.session_id AS session_id,
    visit.session_started_at AS started_at,
    visit.last_at AS ended_at,
    visit.duration_ms AS duration,
    visit.device_id AS device_id,
    if(known.target = 0, visit.person, known.target) AS person,
    visit.profile_id AS profile_id,
    visit.views AS views,
    visit.events AS events,
    visit.revenue AS revenue,
    visit.groups AS groups,
    visit.entry_path AS entry_path,
    visit.entry_origin AS entry_origin,
    visit.exit_path AS exit_path,
    visit.referrer AS referrer,
    visit.referrer_name AS referrer_name,
    visit.referrer_type AS referrer_type,
    visit.utm_source AS utm_source,
    visit.utm_medium AS utm_medium,
    visit.utm_campaign AS utm_campaign,
    visit.utm_term AS utm_term,
    visit.utm_content AS utm_content,
    visit.country AS country,
    visit.region AS region,
    visit.city AS city,
    visit.os AS os,
    visit.os_version AS os_version,
    visit.browser AS browser,
    visit.browser_version AS browser_version,
    visit.device AS device,
    visit.brand AS brand,
    visit.model AS model,
    visit.session_id GLOBAL IN
    (
        SELECT session_id
        FROM replay_chunks
        WHERE project_id = {project:String} AND session_id GLOBAL IN
        (
            SELECT session_id
            FROM
            (
        SELECT visit.session_started_at AS session_started_at, visit.session_id AS session_id
FROM sessions AS visit
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND visit.views + visit.events > 0
    AND visit.session_started_at <= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (visit.session_started_at < fromUnixTimestamp64Milli({after:Int64}, 'UTC')
        OR visit.session_id < {after_id:UInt64})
    AND visit.session_started_at >= earliest
        ORDER BY visit.session_started_at DESC, visit.session_id DESC
        LIMIT 1 BY visit.session_started_at, visit.session_id
        LIMIT {limit:UInt32}
            )
        )
    ) AS has_replay
FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON visit.person = known.person
WHERE visit.project_id = {project:String}
    AND (visit.session_started_at, visit.session_id) GLOBAL IN
    (
        SELECT visit.session_started_at AS session_started_at, visit.session_id AS session_id
FROM sessions AS visit
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND visit.views + visit.events > 0
    AND visit.session_started_at <= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (visit.session_started_at < fromUnixTimestamp64Milli({after:Int64}, 'UTC')
        OR visit.session_id < {after_id:UInt64})
    AND visit.session_started_at >= earliest
        ORDER BY visit.session_started_at DESC, visit.session_id DESC
        LIMIT 1 BY visit.session_started_at, visit.session_id
        LIMIT {limit:UInt32}
    )
ORDER BY started_at DESC, session_id DESC;
