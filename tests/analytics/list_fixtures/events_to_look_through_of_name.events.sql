SELECT count()
FROM
(
    SELECT seen.day AS day
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.name = {v1:String}
    LIMIT {v0:UInt32}
);
