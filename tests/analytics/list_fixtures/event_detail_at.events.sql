WITH
    (
        SELECT (any(found.session_id), any(found.created_at), any(found.event_id))
        FROM
        (
            SELECT seen.session_id AS session_id, seen.created_at AS created_at, seen.event_id AS event_id
            FROM events AS seen
            WHERE seen.project_id = {project:String} AND seen.event_id = {v1:UInt64} AND seen.created_at = fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
            LIMIT 1
        ) AS found
    ) AS place
SELECT *
FROM
(
    SELECT 'wanted' AS part, seen.event_id AS event_id,
    seen.name AS name,
    seen.device_id AS device_id,
    seen.device_ref AS device_ref,
    seen.session_id AS session_id,
    seen.session_started_at AS session_started_at,
    seen.person AS person,
    seen.profile_id AS profile_id,
    seen.created_at AS created_at,
    seen.groups AS groups,
    seen.path AS path,
    seen.origin AS origin,
    seen.title AS title,
    seen.referrer AS referrer,
    seen.referrer_name AS referrer_name,
    seen.referrer_type AS referrer_type,
    seen.utm_source AS utm_source,
    seen.utm_medium AS utm_medium,
    seen.utm_campaign AS utm_campaign,
    seen.utm_term AS utm_term,
    seen.utm_content AS utm_content,
    seen.revenue AS revenue,
    seen.duration AS duration,
    seen.country AS country,
    seen.region AS region,
    seen.city AS city,
    seen.longitude AS longitude,
    seen.latitude AS latitude,
    seen.os AS os,
    seen.os_version AS os_version,
    seen.browser AS browser,
    seen.browser_version AS browser_version,
    seen.device AS device,
    seen.brand AS brand,
    seen.model AS model,
    seen.sdk_name AS sdk_name,
    seen.sdk_version AS sdk_version,
    seen.properties AS properties,
    seen.imported_at AS imported_at,
    seen.received_at AS received_at
    FROM events AS seen
    WHERE seen.project_id = {project:String} AND toDate(seen.created_at) = toDate(place.2)
        AND seen.created_at = place.2 AND seen.event_id = {v1:UInt64} AND seen.created_at = fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    LIMIT 1
)
UNION ALL
SELECT *
FROM
(
    SELECT 'before' AS part, seen.event_id AS event_id,
    seen.name AS name,
    seen.device_id AS device_id,
    seen.device_ref AS device_ref,
    seen.session_id AS session_id,
    seen.session_started_at AS session_started_at,
    seen.person AS person,
    seen.profile_id AS profile_id,
    seen.created_at AS created_at,
    seen.groups AS groups,
    seen.path AS path,
    seen.origin AS origin,
    seen.title AS title,
    seen.referrer AS referrer,
    seen.referrer_name AS referrer_name,
    seen.referrer_type AS referrer_type,
    seen.utm_source AS utm_source,
    seen.utm_medium AS utm_medium,
    seen.utm_campaign AS utm_campaign,
    seen.utm_term AS utm_term,
    seen.utm_content AS utm_content,
    seen.revenue AS revenue,
    seen.duration AS duration,
    seen.country AS country,
    seen.region AS region,
    seen.city AS city,
    seen.longitude AS longitude,
    seen.latitude AS latitude,
    seen.os AS os,
    seen.os_version AS os_version,
    seen.browser AS browser,
    seen.browser_version AS browser_version,
    seen.device AS device,
    seen.brand AS brand,
    seen.model AS model,
    seen.sdk_name AS sdk_name,
    seen.sdk_version AS sdk_version,
    seen.properties AS properties,
    seen.imported_at AS imported_at,
    seen.received_at AS received_at
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.session_id = place.1 AND seen.session_id != 0
        AND seen.name NOT IN ('session_start', 'session_end')
        AND toDate(seen.created_at) >= toDate(greatest(place.2 - toIntervalSecond({v2:UInt32}), toDateTime64(0, 3, 'UTC')))
        AND toDate(seen.created_at) <= toDate(place.2)
        AND seen.created_at >= place.2 - toIntervalSecond({v2:UInt32})
        AND seen.created_at <= place.2
        AND (seen.created_at < place.2 OR seen.event_id < place.3)
    ORDER BY seen.created_at DESC, seen.event_id DESC
    LIMIT 1
)
UNION ALL
SELECT *
FROM
(
    SELECT 'after' AS part, seen.event_id AS event_id,
    seen.name AS name,
    seen.device_id AS device_id,
    seen.device_ref AS device_ref,
    seen.session_id AS session_id,
    seen.session_started_at AS session_started_at,
    seen.person AS person,
    seen.profile_id AS profile_id,
    seen.created_at AS created_at,
    seen.groups AS groups,
    seen.path AS path,
    seen.origin AS origin,
    seen.title AS title,
    seen.referrer AS referrer,
    seen.referrer_name AS referrer_name,
    seen.referrer_type AS referrer_type,
    seen.utm_source AS utm_source,
    seen.utm_medium AS utm_medium,
    seen.utm_campaign AS utm_campaign,
    seen.utm_term AS utm_term,
    seen.utm_content AS utm_content,
    seen.revenue AS revenue,
    seen.duration AS duration,
    seen.country AS country,
    seen.region AS region,
    seen.city AS city,
    seen.longitude AS longitude,
    seen.latitude AS latitude,
    seen.os AS os,
    seen.os_version AS os_version,
    seen.browser AS browser,
    seen.browser_version AS browser_version,
    seen.device AS device,
    seen.brand AS brand,
    seen.model AS model,
    seen.sdk_name AS sdk_name,
    seen.sdk_version AS sdk_version,
    seen.properties AS properties,
    seen.imported_at AS imported_at,
    seen.received_at AS received_at
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.session_id = place.1 AND seen.session_id != 0
        AND seen.name NOT IN ('session_start', 'session_end')
        AND toDate(seen.created_at) >= toDate(place.2)
        AND toDate(seen.created_at) <= toDate(place.2 + toIntervalSecond({v2:UInt32}))
        AND seen.created_at <= place.2 + toIntervalSecond({v2:UInt32})
        AND seen.created_at >= place.2
        AND (seen.created_at > place.2 OR seen.event_id > place.3)
    ORDER BY seen.created_at, seen.event_id
    LIMIT 1
);
