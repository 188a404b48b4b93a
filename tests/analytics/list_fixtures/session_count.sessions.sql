SELECT count()
FROM
(
SELECT visit.session_id
FROM sessions AS visit
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND visit.views + visit.events > 0
GROUP BY visit.session_started_at, visit.session_id
);
